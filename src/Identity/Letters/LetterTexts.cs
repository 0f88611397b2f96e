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

    public static Letter ConfirmAddress(string to, string link, int minutes) => new(to, "Confirm your new address", $"""
        Somebody, you we hope, asked to use {to} for their account on Crew.

        Confirm it here, within {minutes} minutes, at a browser where you are signed in:
        {link}

        The link works once. If it was not you, ignore this mail: nothing happens.

        """);

    public static Letter AddressMoved(string to, string next, string link, int days) => new(to, "Your address was changed", $"""
        Your account on Crew is under {next} now, and no longer under {to}.

        If it was not you, take it back here, within {days} days. All sessions end with it:
        {link}

        """);

    public static Letter Notice(string to, string what, string link) => new(to, "Your account was changed", $"""
        {what}

        If you know of it, there is nothing to do. If not, look at your account, end the sessions that are not yours and change the password:
        {link}

        """);

    /// <summary>Names that people choose go into a subject: one line, and not a long one.</summary>
    private static string OneLine(string text) => new([.. text.Where(c => !char.IsControl(c)).Take(100)]);
}
