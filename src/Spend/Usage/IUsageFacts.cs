namespace Crew.Spend;

/// <summary>What usage is filtered by, alike in the ledger's rows and in the sums of days that are gone.</summary>
internal interface IUsageFacts
{
    string? CrewId { get; }

    string? KeyId { get; }

    string? LineageId { get; }

    string? UserId { get; }

    string Model { get; }

    string? ProviderId { get; }

    string Provenance { get; }

    string Outcome { get; }

    int Status { get; }
}
