using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Http;

/// <summary>Writes a finished answer, after the record of the credential's use is durable.</summary>
internal static class ReplyWriter
{
    public static async Task WriteAsync(Call call, int status, string? contentType, byte[]? body, bool holdsSecret = false)
    {
        if (!await RecordAccessAsync(call, status < 400 ? "success" : "failure", status, null))
        {
            await ErrorWriter.WriteAsync(call, Faults.AuditUnavailable);
            return;
        }

        if (call.Idempotency is { } idempotency)
        {
            await idempotency.KeepAsync(status, holdsSecret ? null : body);
        }

        var response = call.Http.Response;
        response.StatusCode = status;
        if (body is not null)
        {
            response.ContentType = contentType;
            response.ContentLength = body.Length;
            CrashPoint.Pass(CrashPoints.AnswerBefore);
            await response.Body.WriteAsync(body, call.Aborted);
            CrashPoint.Pass(CrashPoints.AnswerAfter);
        }
    }

    /// <summary>Makes the record of the use durable, unless the request's own transaction has done so. False: it cannot be.</summary>
    public static async ValueTask<bool> RecordAccessAsync(Call call, string outcome, int status, string? reason)
    {
        if (call.TakeAccessRow(outcome, status, reason) is not { } row)
        {
            return true;
        }

        var work = new AppendWork();
        work.Rows.Add(row);
        return await call.Http.RequestServices.GetRequiredService<Store>().Committer.AppendAsync(work);
    }
}
