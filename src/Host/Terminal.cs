using System.Diagnostics.CodeAnalysis;

namespace Crew.Host;

/// <summary>The one place that writes to the console: the command line.</summary>
[SuppressMessage("ApiDesign", "RS0030:Do not use banned APIs", Justification = "The command line speaks to a person here.")]
internal static class Terminal
{
    public static bool IsInteractive => !Console.IsOutputRedirected;

    public static void Line(string text) => Console.Out.WriteLine(text);

    public static void Error(string text) => Console.Error.WriteLine(text);
}
