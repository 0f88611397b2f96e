using System.Globalization;

namespace Crew.Faults.Tests;

/// <summary>
/// Sweeps run scaled down by default, whole with <c>CREW_TEST_SCALE=full</c>, and in part with a fraction such as <c>0.1</c>.
/// </summary>
internal static class Scale
{
    private static readonly string? Wanted = Environment.GetEnvironmentVariable("CREW_TEST_SCALE");

    public static bool IsFull { get; } = Wanted == "full";

    public static int Of(int byDefault, int whole) => IsFull ? whole
        : double.TryParse(Wanted, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var part) ? Math.Max(byDefault, (int)(whole * part)) : byDefault;

    /// <summary>The seed of a sweep: <c>CREW_TEST_SEED</c> replays one, else it is drawn. Every sweep prints its own.</summary>
    public static int Seed() =>
        int.TryParse(Environment.GetEnvironmentVariable("CREW_TEST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
}
