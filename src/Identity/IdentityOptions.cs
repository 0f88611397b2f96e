using System.ComponentModel.DataAnnotations;

namespace Crew.Identity;

/// <summary>Limits of signing in.</summary>
internal sealed record IdentityOptions
{
    /// <summary>The server's own address: the only source of links and of the passkeys' RP id.</summary>
    public required Uri PublicUrl { get; init; }

    /// <summary>Passwords that may wait to be hashed; more are refused at once.</summary>
    [Range(1, 10_000)]
    public int WaitingPasswords { get; init; } = 128;

    /// <summary>A session that is not used for so long ends.</summary>
    [Range(1, 1_440)]
    public int IdleMinutes { get; init; } = 60;

    /// <summary>A session ends after so long, used or not.</summary>
    [Range(1, 720)]
    public int SessionHours { get; init; } = 12;

    /// <summary>For how long a proof counts as recent.</summary>
    [Range(1, 60)]
    public int ProofMinutes { get; init; } = 10;

    /// <summary>For how long an invitation is good.</summary>
    [Range(1, 30)]
    public int InvitationDays { get; init; } = 7;

    /// <summary>For how long a link that resets a password is good.</summary>
    [Range(5, 1_440)]
    public int ResetMinutes { get; init; } = 60;

    /// <summary>For how long a change of address can be undone.</summary>
    [Range(1, 90)]
    public int UndoDays { get; init; } = 7;

    /// <summary>How long a step of a sign-in, or of setting up a second factor, may take.</summary>
    [Range(1, 60)]
    public int StepMinutes { get; init; } = 10;

    /// <summary>How long somebody may go on without a second factor once a workspace requires one.</summary>
    [Range(0, 90)]
    public int GraceDays { get; init; } = 7;

    /// <summary>For how long a link that the command line printed is good.</summary>
    [Range(1, 30)]
    public int LinkDays { get; init; } = 7;

    /// <summary>Plain HTTP on loopback: there the cookie cannot carry the prefix that asks for TLS.</summary>
    public bool IsPlain => PublicUrl.Scheme == "http";

    /// <summary>A link below the server's own address.</summary>
    public string Link(string path) => new Uri(PublicUrl, path).ToString();
}
