namespace Crew.Spend;

/// <summary>A row, or a sum of rows that are gone, as far as usage adds it up. Fields that are not grouped by are null, and the day -1.</summary>
internal class UsageFact
{
    public string? KeyId { get; init; }

    public string? Model { get; init; }

    public string? CrewId { get; init; }

    public string? UserId { get; init; }

    public string? ProviderId { get; init; }

    public long Day { get; init; }

    public string? RequestId { get; init; }

    public long Requests { get; init; }

    public long Attempts { get; init; }

    public long Input { get; init; }

    public long CacheRead { get; init; }

    public long CacheWrite { get; init; }

    public long Output { get; init; }

    public long Reasoning { get; init; }

    public long AudioInput { get; init; }

    public long AudioOutput { get; init; }

    public long ImageInput { get; init; }

    public long ImageOutput { get; init; }

    public long Images { get; init; }

    public long AudioSeconds { get; init; }

    public long Characters { get; init; }

    public long Cost { get; init; }
}

/// <summary>What a group comes to.</summary>
internal sealed class UsageSums : UsageFact
{
    public UsageSums Plus(UsageSums other) => new()
    {
        KeyId = KeyId,
        Model = Model,
        CrewId = CrewId,
        UserId = UserId,
        ProviderId = ProviderId,
        Day = Day,
        Requests = Requests + other.Requests,
        Attempts = Attempts + other.Attempts,
        Input = Input + other.Input,
        CacheRead = CacheRead + other.CacheRead,
        CacheWrite = CacheWrite + other.CacheWrite,
        Output = Output + other.Output,
        Reasoning = Reasoning + other.Reasoning,
        AudioInput = AudioInput + other.AudioInput,
        AudioOutput = AudioOutput + other.AudioOutput,
        ImageInput = ImageInput + other.ImageInput,
        ImageOutput = ImageOutput + other.ImageOutput,
        Images = Images + other.Images,
        AudioSeconds = AudioSeconds + other.AudioSeconds,
        Characters = Characters + other.Characters,
        Cost = Cost + other.Cost,
    };
}
