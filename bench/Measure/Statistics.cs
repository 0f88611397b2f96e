namespace Crew.Bench.Measure;

/// <summary>A middle value and the interval around it.</summary>
internal readonly record struct Estimate(double Middle, double Low, double High)
{
    /// <summary>Median, least and greatest of a few paired runs: with five pairs no narrower claim is honest.</summary>
    public static Estimate OfPairs(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? default : new Estimate(Statistics.Median(sorted), sorted[0], sorted[^1]);
    }
}

internal static class Statistics
{
    /// <summary>Two-sided 95 % quantiles of Student's t by degrees of freedom, from 1.</summary>
    private static readonly double[] StudentT =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
        2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        var middle = sorted.Length / 2;
        return sorted.Length == 0 ? 0 : sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Slope of a least-squares line with its 95 % confidence interval. The points should be independent: average first.</summary>
    public static Estimate Slope(IReadOnlyList<(double X, double Y)> points)
    {
        var count = points.Count;
        if (count < 3)
        {
            return new Estimate(0, double.NegativeInfinity, double.PositiveInfinity);
        }

        var (meanX, meanY) = (points.Average(point => point.X), points.Average(point => point.Y));
        var spread = points.Sum(point => (point.X - meanX) * (point.X - meanX));
        var slope = points.Sum(point => (point.X - meanX) * (point.Y - meanY)) / spread;
        var residual = points.Sum(point => Math.Pow(point.Y - meanY - (slope * (point.X - meanX)), 2));
        var freedom = count - 2;
        var half = StudentT[Math.Min(freedom, StudentT.Length) - 1] * Math.Sqrt(residual / freedom / spread);
        return new Estimate(slope, slope - half, slope + half);
    }
}
