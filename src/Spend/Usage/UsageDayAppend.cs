using System.Text.Json;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>The next expired requests of a workspace, and the time that their rows lie in.</summary>
internal sealed record ExpiredRequests(IReadOnlyList<string> RequestIds, long FromMs, long BeforeMs);

/// <summary>The writes of summing up and of removing (the same SQL on both databases).</summary>
internal static class UsageDayAppend
{
    /// <summary>Adds the rows that a condition names to the sums of their days. Model ids are the only part of a cell that may hold any sign, so they stand last.</summary>
    private const string AddUp = """
        INSERT INTO spend_usage_days (workspace_id, day, cell, crew_id, key_id, lineage_id, user_id, model, provider_id, provenance, status, outcome,
          requests, begun_requests, attempts, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano,
          audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens, images, audio_seconds, characters)
        SELECT workspace_id, CAST(at / 86400000 AS integer), COALESCE(crew_id, '') || '|' || COALESCE(key_id, '') || '|' || COALESCE(lineage_id, '') || '|'
            || COALESCE(user_id, '') || '|' || COALESCE(provider_id, '') || '|' || provenance || '|' || CAST(status AS text) || '|' || outcome || '|' || model,
          crew_id, key_id, lineage_id, user_id, model, provider_id, provenance, status, outcome,
          COUNT(DISTINCT request_id), SUM(CASE WHEN attempt = 1 THEN 1 ELSE 0 END), COUNT(*), CAST(SUM(input_tokens) AS bigint),
          CAST(SUM(cache_read_tokens) AS bigint), CAST(SUM(cache_write_tokens) AS bigint), CAST(SUM(output_tokens) AS bigint),
          CAST(SUM(reasoning_tokens) AS bigint), CAST(SUM(cost_nano) AS bigint),
          CAST(SUM(audio_input_tokens) AS bigint), CAST(SUM(audio_output_tokens) AS bigint), CAST(SUM(image_input_tokens) AS bigint),
          CAST(SUM(image_output_tokens) AS bigint), CAST(SUM(images) AS bigint), CAST(SUM(audio_seconds) AS bigint), CAST(SUM(characters) AS bigint)
        FROM spend_attempts WHERE
        """;

    private const string ToDays = """
         GROUP BY workspace_id, at / 86400000, crew_id, key_id, lineage_id, user_id, model, provider_id, provenance, status, outcome
        ON CONFLICT (workspace_id, day, cell) DO UPDATE SET requests = spend_usage_days.requests + excluded.requests,
          begun_requests = spend_usage_days.begun_requests + excluded.begun_requests, attempts = spend_usage_days.attempts + excluded.attempts,
          input_tokens = spend_usage_days.input_tokens + excluded.input_tokens,
          cache_read_tokens = spend_usage_days.cache_read_tokens + excluded.cache_read_tokens,
          cache_write_tokens = spend_usage_days.cache_write_tokens + excluded.cache_write_tokens,
          output_tokens = spend_usage_days.output_tokens + excluded.output_tokens,
          reasoning_tokens = spend_usage_days.reasoning_tokens + excluded.reasoning_tokens, cost_nano = spend_usage_days.cost_nano + excluded.cost_nano,
          audio_input_tokens = spend_usage_days.audio_input_tokens + excluded.audio_input_tokens,
          audio_output_tokens = spend_usage_days.audio_output_tokens + excluded.audio_output_tokens,
          image_input_tokens = spend_usage_days.image_input_tokens + excluded.image_input_tokens,
          image_output_tokens = spend_usage_days.image_output_tokens + excluded.image_output_tokens,
          images = spend_usage_days.images + excluded.images,
          audio_seconds = spend_usage_days.audio_seconds + excluded.audio_seconds,
          characters = spend_usage_days.characters + excluded.characters
        """;

    /// <summary>The plus signs keep SQLite from walking the index by time, which leads through every expired row: it must look the requests up.</summary>
    private const string OfRequests = " +workspace_id = {0} AND +at >= {1} AND +at < {2} AND request_id IN (SELECT value FROM json_each({3})) ";

    private const string OfRequestsPostgres = " workspace_id = {0} AND at >= {1} AND at < {2} AND request_id = ANY({3}) ";

    /// <summary>Sums the expired rows of whole requests up and removes them; the answer is how many rows that were.</summary>
    public static async Task<int> FoldAsync(Db db, bool sqlite, string workspaceId, ExpiredRequests step, CancellationToken cancel)
    {
        var (condition, ids) = sqlite ? (OfRequests, (object)JsonSerializer.Serialize(step.RequestIds)) : (OfRequestsPostgres, step.RequestIds.ToArray());
        var (fold, remove) = (AddUp + condition + ToDays, "DELETE FROM spend_attempts WHERE" + condition);
        await db.Database.ExecuteSqlRawAsync(fold, [workspaceId, step.FromMs, step.BeforeMs, ids], cancel);
        return await db.Database.ExecuteSqlRawAsync(remove, [workspaceId, step.FromMs, step.BeforeMs, ids], cancel);
    }

    /// <summary>Removes one step of a workspace's sums.</summary>
    public static Task<int> RemoveDaysAsync(Db db, string workspaceId, int before, CancellationToken cancel) => db.Database.ExecuteSqlAsync($"""
        DELETE FROM spend_usage_days WHERE (workspace_id, day, cell) IN (
          SELECT workspace_id, day, cell FROM spend_usage_days WHERE workspace_id = {workspaceId} AND day < {before} ORDER BY day LIMIT {ExpiryRun.StepRows})
        """, cancel);
}
