namespace Crew.Faults.Tests;

/// <summary>Sweeps run scaled down by default and whole with <c>CREW_TEST_SCALE=full</c>.</summary>
internal static class Scale
{
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("CREW_TEST_SCALE") == "full";

    public static int Of(int byDefault, int whole) => IsFull ? whole : byDefault;
}
