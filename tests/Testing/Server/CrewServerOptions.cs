namespace Crew.Testing;

public sealed record CrewServerOptions
{
    public string OwnerEmail { get; init; } = "owner@example.com";

    /// <summary>A PostgreSQL connection string; without it the server keeps its data in SQLite.</summary>
    public string? Database { get; init; }

    /// <summary>Providers that the server may call.</summary>
    public IReadOnlyList<MockProvider> Providers { get; init; } = [];

    /// <summary>Further entries for <c>CREW_EGRESS_ALLOW</c>.</summary>
    public IReadOnlyList<string> Egress { get; init; } = [];

    /// <summary>Added to the child's environment last; a null value takes a variable away.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Where the server listens besides the loopback address that the test kit itself uses.</summary>
    public IReadOnlyList<string> FurtherUrls { get; init; } = [];

    /// <summary>The host name of the public address; without it links and cookies are for 127.0.0.1, for which no browser makes passkeys.</summary>
    public string? PublicHost { get; init; }

    public IReadOnlyList<string> ServeArguments { get; init; } = [];

    /// <summary>The product; without it as <see cref="CrewExecutable"/> finds it.</summary>
    public string? Executable { get; init; }

    /// <summary>Keeps the temporary folder when the server is disposed, to look into it.</summary>
    public bool KeepFiles { get; init; }

    public int ReadyWithinSeconds { get; init; } = 60;
}

/// <summary>What <c>crew init --json</c> prints.</summary>
public sealed record CrewInstallation(
    string OrganizationId, string WorkspaceId, CrewTriple Crews, CrewOwner Owner, CrewKeys ApiKeys);

public sealed record CrewTriple(string Development, string Staging, string Production);

public sealed record CrewOwner(string UserId, string Email, string SignInUrl);

public sealed record CrewKeys(string Live, string Test);

/// <summary>How one command of the product ended.</summary>
public sealed record CrewCommand(int ExitCode, string Output, string Error);
