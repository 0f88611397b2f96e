using System.Buffers;
using System.Text;
using System.Text.Json;
using Crew.Audit.Contracts;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Audit;

/// <summary>
/// Streams the records that a filter selects. The export is itself recorded, together with the use of the credential, before its
/// first byte leaves; it holds what was there at that moment.
/// </summary>
internal static class ExportAuditLogs
{
    /// <summary>Records read in one transaction and held in memory at once.</summary>
    private const int PageRecords = 500;

    public static void Map(RouteGroupBuilder logs) =>
        logs.MapGet("/export", Handle)
            .WithName("Audit.Export")
            .WithSummary("Export audit records as NDJSON (format=ndjson, the default) or CSV (format=csv), with the filters of the list.")
            .Produces<string>(StatusCodes.Status200OK, "application/x-ndjson", "text/csv")
            .Requires(CrewSource.None, AuditAccess.Permission)
            .Takes([.. AuditFilter.Described, new QueryParameter("format", "ndjson (the default) or csv.")])
            .Audited("export.created")
            .WorkspaceLevel();

    private static async Task<IResult> Handle(Call call, Store store, AuditReader reader, TimeProvider clock, CancellationToken cancel)
    {
        var query = call.Http.Request.Query;
        var parsed = AuditFilter.Parse(query, "format");
        if (parsed.Failed(out var fault))
        {
            return (Reply<string>)fault;
        }

        var format = query["format"].Count == 0 ? "ndjson" : query["format"].ToString();
        if (format is not ("ndjson" or "csv"))
        {
            return (Reply<string>)Faults.Invalid("format", "format must be ndjson or csv.");
        }

        if (AuditAccess.Check(call, parsed.Value.Log) is { } refusal)
        {
            return (Reply<string>)refusal;
        }

        var now = clock.GetUtcNow();
        var filter = parsed.Value with { To = parsed.Value.To is { } to && to < now ? to : now };
        var recorded = await store.ChangeAsync<bool>(call.Tenant, call.Origin, db =>
        {
            db.Raise(Created(filter, format, now));
            return Task.FromResult<Outcome<bool>>(true);
        }, cancel);
        return recorded.Failed(out var unrecorded)
            ? (Reply<string>)(unrecorded == Faults.StorageUnavailable ? Faults.AuditUnavailable : unrecorded)
            : new Stream(reader, call.Tenant, filter, format);
    }

    /// <summary>Which conditions were used is recorded, not their values: an address or a person may be among them.</summary>
    private static Event Created(AuditFilter filter, string format, DateTimeOffset now) =>
        new("export.created", new Resource("export", Id.New(IdPrefix.Export, now), "audit-logs"))
        {
            Log = filter.Log,
            Changes = [new FieldChange("format", null, format), new FieldChange("filters", null, filter.Used)],
        };

    private sealed class Stream(AuditReader reader, Tenant tenant, AuditFilter filter, string format) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var (response, cancel) = (httpContext.Response, httpContext.RequestAborted);
            var csv = format == "csv";
            response.ContentType = csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson; charset=utf-8";
            response.Headers.CacheControl = "no-store";
            response.Headers.ContentDisposition = $"attachment; filename=\"audit-logs.{format}\"";
            if (csv)
            {
                await response.WriteAsync(AuditCsv.Header, cancel);
            }

            string? after = null;
            IReadOnlyList<AuditLog> page;
            do
            {
                page = await reader.ListAsync(tenant, filter, after, PageRecords, cancel);
                foreach (var record in page)
                {
                    response.BodyWriter.Write(csv ? Encoding.UTF8.GetBytes(AuditCsv.Line(record)) : JsonSerializer.SerializeToUtf8Bytes(record, ApiJson.Options));
                    if (!csv)
                    {
                        response.BodyWriter.Write("\n"u8);
                    }
                }

                await response.BodyWriter.FlushAsync(cancel);
                after = page.Count > 0 ? page[^1].Id : null;
            }
            while (page.Count == PageRecords);
        }
    }
}
