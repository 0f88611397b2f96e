using Crew.Kernel;

namespace Crew.Storage;

/// <summary>Why a copy is not read.</summary>
internal static class TransferFaults
{
    public static readonly Fault Damaged = new("file_damaged", 500,
        "The backup is not whole: it was truncated, changed or put together from parts. Nothing was restored. Restore from another copy.");

    public static readonly Fault NotEmpty = new("restore_target_not_empty", 409,
        "There is a Crew database in that place already, and a restore never writes over one. Name an empty place with --data or --database.");

    public static Fault UnknownFormat(int format) => new("backup_format_unknown", 500,
        $"The backup is of format {format}, and this version of crew reads format {TransferFormat.Version}. Restore it with the version that wrote it, or a newer one.");
}

/// <summary>The copy does not say what it should; caught where the copy is taken in, and answered as <c>file_damaged</c>.</summary>
internal sealed class TransferDamagedException : IOException
{
    public TransferDamagedException()
        : base(TransferFaults.Damaged.Message)
    {
    }

    public TransferDamagedException(string message)
        : base(message)
    {
    }

    public TransferDamagedException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
