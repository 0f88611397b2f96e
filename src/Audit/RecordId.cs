using Crew.Kernel;

namespace Crew.Audit;

/// <summary>
/// The id of a record carries its time, so that a record is found by the index on time, in one partition, without an index
/// on ids.
/// </summary>
internal static class RecordId
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>Base32 digits behind the 48 bits of time: 80 bits are 16 digits.</summary>
    private const int DigitsOfTime = Id.BodyLength - 16;

    /// <summary>Reads the milliseconds of a well-formed id.</summary>
    public static bool TryReadTime(string? id, out long milliseconds)
    {
        milliseconds = 0;
        if (!Id.IsValid(id, IdPrefix.AuditRecord))
        {
            return false;
        }

        foreach (var digit in id.AsSpan(IdPrefix.AuditRecord.Length, DigitsOfTime))
        {
            milliseconds = (milliseconds << 5) | (long)Alphabet.IndexOf(digit, StringComparison.Ordinal);
        }

        return true;
    }
}
