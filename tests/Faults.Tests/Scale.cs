using System.Globalization;

namespace Crew.Faults.Tests;

/// <summary>Sweeps run scaled down by default and whole with <c>CREW_TEST_SCALE=full</c>.</summary>
internal static class Scale
{
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("CREW_TEST_SCALE") == "full";

    public static int Of(int byDefault, int whole) => IsFull ? whole : byDefault;

    /// <summary>The seed of a sweep: <c>CREW_TEST_SEED</c> replays one, else it is drawn. Every sweep prints its own.</summary>
    public static int Seed() =>
        int.TryParse(Environment.GetEnvironmentVariable("CREW_TEST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
}
