using Crew.Mail;

namespace Crew.Identity.Letters;

/// <summary>What the letters say. Plain text: no picture that tells who has read it, no link but the one.</summary>
internal static class LetterTexts
{
    public static Letter Invitation(string to, string place, string inviter, string link, int days) => new(to, $"Invitation to {OneLine(place)}", $"""
        {OneLine(inviter)} invites you to {OneLine(place)} on Crew.

        Join here, within {days} days:
        {link}

        The link is for you alone and works once. If you did not expect it, ignore this mail: nothing happens.

        """);

    public static Letter Reset(string to, string link, int minutes) => new(to, "Reset your password", $"""
        Somebody, you we hope, asked to reset the password of {to} on Crew.

        Choose a new one here, within {minutes} minutes:
        {link}

        The link works once. If it was not you, ignore this mail: the password stays as it is.

        """);

    /// <summary>Names that people choose go into a subject: one line, and not a long one.</summary>
    private static string OneLine(string text) => new([.. text.Where(c => !char.IsControl(c)).Take(100)]);
}
