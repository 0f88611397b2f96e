using Crew.Kernel;
using Crew.Mail;

namespace Crew.Audit.Alerts;

/// <summary>
/// What a letter about an alert says: the kind, ids and times. Neither secrets nor content, nor what somebody else may have written into a name:
/// the letter is for people who can read the rest in the API.
/// </summary>
internal static class AlertLetter
{
    private const int MostNameCharacters = 100;

    public static Letter Of(Alert alert, string to, string workspace, Uri publicUrl)
    {
        var kind = AlertKind.Find(alert.Kind);
        var subject = alert.SubjectId is null ? "" : $"\nAbout: {alert.SubjectType} {alert.SubjectId}";
        var country = alert.Country is null ? "" : $"\nFrom: {alert.Country}";
        var title = alert.Title is null ? "" : $"\n{OneLine(alert.Title)}\n";
        return new Letter(to, $"[{alert.Severity}] {alert.Kind} in {OneLine(workspace)}", $"""
            {kind?.Says ?? "Something happened that somebody should look at."}
            {title}
            Alert: {alert.Id}
            Workspace: {OneLine(workspace)} ({alert.WorkspaceId}){subject}{country}
            First seen: {Timestamp.ToText(alert.FirstAt)}
            Times: {alert.Count}
            Records: {string.Join(' ', alert.RecordIds)}

            Read it at {new Uri(publicUrl, $"/v1/alerts/{alert.Id}")} and acknowledge it with POST {new Uri(publicUrl, $"/v1/alerts/{alert.Id}/acknowledge")}.
            Repetitions within a day count here and are not mailed. What is mailed, and to whom, is set at {new Uri(publicUrl, $"/v1/alert-rules/{alert.Kind}")}.

            """);
    }

    private static string OneLine(string text) => new([.. text.Where(c => !char.IsControl(c)).Take(MostNameCharacters)]);
}
