namespace Crew.Tenancy.Members;

/// <summary>The form of an e-mail address, as far as it can be judged without sending one.</summary>
internal static class Emails
{
    public static bool IsValid(string email)
    {
        var at = email.IndexOf('@', StringComparison.Ordinal);
        return email.Length <= 254 && at > 0 && at == email.LastIndexOf('@') && at < email.Length - 1
            && email.All(c => c > ' ' && c is not ('"' or '<' or '>' or ',' or ';' or '\u007f'));
    }
}
