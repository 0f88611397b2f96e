namespace Crew.Storage;

/// <summary>Where the rows of a copy go: an open transaction of either database, whose schema is that of the copy.</summary>
internal abstract class TransferTarget
{
    /// <summary>Moves the change feed: whoever followed the database before reads everything again.</summary>
    public static string Announce(TimeProvider clock) => $"""
        UPDATE storage_feed SET version = version + 1;
        INSERT INTO storage_changes (version, topic, subject, at) SELECT version, 'storage', 'restored', {clock.GetUtcNow().ToUnixTimeMilliseconds()} FROM storage_feed
        """;

    /// <summary>Empties the table (schema files may have put a row there) and makes ready for its rows.</summary>
    protected abstract Task BeginTableAsync(TransferTable table, CancellationToken cancel);

    protected abstract ValueTask AddAsync(object?[] row, CancellationToken cancel);

    protected abstract Task EndTableAsync(CancellationToken cancel);

    /// <summary>Takes in everything up to the end mark, and holds counts and hash against it.</summary>
    public async Task<TransferReport> TakeAsync(TransferReader reader, TransferHeader header, CancellationToken cancel)
    {
        var rows = new Dictionary<string, long>(StringComparer.Ordinal);
        while (true)
        {
            switch (await reader.NextAsync(cancel))
            {
                case TransferFormat.Table:
                    var table = reader.Table();
                    if (!rows.TryAdd(table.Name, 0))
                    {
                        throw new TransferDamagedException();
                    }

                    rows[table.Name] = await TakeTableAsync(reader, table, cancel);
                    break;
                case TransferFormat.End:
                    await reader.CheckEndAsync(rows.Count, rows.Values.Sum(), cancel);
                    return new TransferReport(header, rows, reader.Bytes);
                default:
                    throw new TransferDamagedException();
            }
        }
    }

    private async Task<long> TakeTableAsync(TransferReader reader, TransferTable table, CancellationToken cancel)
    {
        await BeginTableAsync(table, cancel);
        for (long rows = 0; ; rows++)
        {
            var kind = await reader.NextAsync(cancel);
            if (kind == TransferFormat.TableEnd && reader.Count() == rows)
            {
                await EndTableAsync(cancel);
                return rows;
            }

            if (kind != TransferFormat.Row)
            {
                throw new TransferDamagedException();
            }

            var row = new object?[table.Columns.Count];
            reader.Row(row);
            await AddAsync(row, cancel);
        }
    }
}
