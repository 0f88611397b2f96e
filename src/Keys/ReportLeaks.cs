using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using Crew.Http;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Keys;

internal static class ReportLeaks
{
    public const int MostTexts = 100;
    public const int MostBytes = 32 * 1024;

    /// <summary>The texts as JSON, which may escape them.</summary>
    private const int MostBodyBytes = 4 * MostBytes;

    internal sealed record Request(
        [property: Required, Description("1 to 100 texts, at most 32 KB together: keys, or what they were found in.")] IReadOnlyList<string>? Keys);

    internal sealed record Answer(int Received);

    public static void Map(RouteGroupBuilder keys) =>
        keys.MapPost("/leaks", Handle)
            .WithName("Keys.ReportLeaks")
            .WithSummary("Report keys that were found where others can read them. Real ones are revoked; the answer is the same whether there were any.")
            .WithMetadata(new NotIdempotentRoute(), new AcceptedRoute(), new BodyLimit(MostBodyBytes))
            .AllowsAnonymous()
            .Audited("api_key.leaked", "api_key.revoked")
            .Example("""{"keys": ["crew_sk_live_0000000000000000000000000000000000000000000000000"]}""");

    private static async Task<Reply<Answer>> Handle(Body<Request> body, Call call, LeakedKeys leaked)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.Keys is not { Count: > 0 and <= MostTexts } texts || texts.Any(t => t is null))
        {
            return Faults.Invalid("keys", $"keys must be a list of 1 to {MostTexts} texts.");
        }

        if (texts.Sum(t => Encoding.UTF8.GetByteCount(t)) > MostBytes)
        {
            return HttpFaults.BodyTooLarge with { Message = $"The texts are longer than {MostBytes / 1024} KB together. Send less in one report." };
        }

        return await leaked.RevokeAsync(texts, call.Origin, "reported") is { } fault ? fault : Reply<Answer>.Accepted(new Answer(texts.Count));
    }
}
