using Crew.Kernel;
using Crew.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Http;

/// <summary>Writes a finished answer, after the record of the credential's use is durable.</summary>
internal static class ReplyWriter
{
    /// <summary>For the record of a refusal that the database itself was the reason of.</summary>
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(100);

    public static async Task WriteAsync(Call call, int status, string? contentType, byte[]? body, bool holdsSecret = false)
    {
        if (await RecordAccessAsync(call, status < 400 ? "success" : "failure", status, null) is { } refused)
        {
            await ErrorWriter.WriteAsync(call, refused);
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

    /// <summary>
    /// Makes the record of the use durable, unless the request's own transaction has done so. The fault says why nothing may be served:
    /// it cannot be made durable, or the credential was revoked meanwhile.
    /// </summary>
    public static async ValueTask<Fault?> RecordAccessAsync(Call call, string outcome, int status, string? reason)
    {
        if (call.Origin.TakeAccess() is not { } access)
        {
            return null;
        }

        call.Origin.Owe(access);
        if (call.TakeAccessRow(outcome, status, reason) is not { } row)
        {
            return null;
        }

        var work = new UseWork(call, access, row);
        var services = call.Http.RequestServices;
        var patience = status == Faults.StorageUnavailable.Status ? Brief : DatabaseWatch.Patience;
        return !await services.GetRequiredService<Store>().Committer.AppendWithinAsync(work, patience, services.GetRequiredService<TimeProvider>()) ? Faults.AuditUnavailable
            : work.IsRevoked ? Faults.CredentialRevoked
            : null;
    }

    /// <summary>The record of a use. The last moment before it is written decides whether it was one.</summary>
    private sealed class UseWork : AppendWork
    {
        private readonly Call _call;
        private readonly Event _access;
        private bool _isRecorded;

        public UseWork(Call call, Event access, AppendRow row)
        {
            (_call, _access) = (call, access);
            Rows.Add(row);
        }

        /// <summary>Also true when the revocation became known after the record was written: then nothing is served all the same.</summary>
        public bool IsRevoked => _isRecorded || _call.Origin.Revoked.IsCancellationRequested;

        public override bool BeforeWrite()
        {
            if (_isRecorded || !_call.Origin.Revoked.IsCancellationRequested)
            {
                return false;
            }

            _isRecorded = true;
            _call.Origin.Owe(_access);
            Rows[0] = _call.TakeAccessRow("denied", Faults.CredentialRevoked.Status, "revoked") ?? Rows[0];
            return true;
        }
    }
}
