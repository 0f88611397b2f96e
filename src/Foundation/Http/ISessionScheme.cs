using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>The credential of people: a cookie that a browser sends by itself, and therefore one that asks for more care than a key.</summary>
public interface ISessionScheme
{
    /// <summary>The text of the session cookie, if the request has one.</summary>
    string? Find(HttpRequest request);

    /// <summary>Verifies the text, and puts the person into the workspace that the request names, or into their only one.</summary>
    ValueTask<Verification> VerifyAsync(string text, string? workspaceId, CancellationToken cancel);

    /// <summary>What <see cref="CrossSite.TokenHeader"/> must hold where a client cannot say that a request is same-origin.</summary>
    string TokenOf(string text);

    /// <summary>For how long a proof of who somebody is counts as recent, in minutes.</summary>
    int ProofMinutes { get; }
}

/// <summary>
/// The rule against requests that another site makes a browser send (CSRF): a change by cookie must say that it comes from this origin, which
/// scripts of other sites cannot say, or carry a token that they cannot read.
/// </summary>
public static class CrossSite
{
    public const string TokenHeader = "X-Crew-Csrf";

    /// <summary>Whether a request may change something on behalf of a cookie. <paramref name="token"/> is the right token of that cookie.</summary>
    public static bool MayChange(HttpRequest request, string? token)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
        {
            return true;
        }

        return request.Headers["Sec-Fetch-Site"].ToString() switch
        {
            "same-origin" => true,
            "" => token is not null && Sealing.ConstantTime.Equals(request.Headers[TokenHeader].ToString().AsSpan(), token.AsSpan()),
            _ => false,
        };
    }
}

/// <summary>Asks people for a recent proof of who they are; keys have none to give and are not asked.</summary>
public sealed record StepUpRoute;
