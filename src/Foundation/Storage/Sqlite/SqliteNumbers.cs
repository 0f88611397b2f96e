namespace Crew.Storage;

/// <summary>
/// The places and numbers that one batch gives to the rows of a numbered table. What other processes have given is read when the
/// batch gives its first, under the write lock that it holds to its end. While rows without a number stand behind the mark (after
/// a restore), nothing is numbered here: the job that follows the mark has to come first.
/// </summary>
internal sealed class SqliteNumbers(SqliteBatch batch, AppendTable table)
{
    private readonly CommitNumbering _numbering = table.Numbering!;
    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);
    private bool _isRead;
    private long _mark;
    private long _place;

    /// <summary>Whether this batch gives numbers.</summary>
    public bool IsCurrent { get; private set; }

    /// <summary>The next place of the table; null leaves it to the database.</summary>
    public long? NextPlace()
    {
        if (!_isRead)
        {
            var highest = ReadHighestPlace();
            _mark = batch.ReadNumber($"SELECT {_numbering.PlaceColumn} FROM {_numbering.MarkTable}");
            (_isRead, IsCurrent, _place) = (true, highest <= _mark, _mark);
        }

        return IsCurrent ? ++_place : null;
    }

    /// <summary>The next number of a log.</summary>
    public long NextNumber(string logId)
    {
        if (!_last.TryGetValue(logId, out var last))
        {
            last = batch.ReadNumber(
                $"SELECT max({_numbering.NumberColumn}) FROM {_numbering.Leaves.Name} WHERE {_numbering.LogColumn} = ?", logId);
        }

        return _last[logId] = last + 1;
    }

    /// <summary>Writes the mark, if anything was numbered, and forgets all: the next batch may find what another process gave.</summary>
    public void End()
    {
        if (IsCurrent && _place > _mark)
        {
            batch.Execute($"UPDATE {_numbering.MarkTable} SET {_numbering.PlaceColumn} = ?", _place);
        }

        Forget();
    }

    public void Forget()
    {
        _last.Clear();
        (_isRead, IsCurrent) = (false, false);
    }

    /// <summary>Goes on behind what is still there of this batch.</summary>
    public void ReadAgain()
    {
        _last.Clear();
        _place = IsCurrent ? Math.Max(_mark, ReadHighestPlace()) : _place;
    }

    private long ReadHighestPlace() => batch.ReadNumber($"SELECT max({_numbering.PlaceColumn}) FROM {table.Name}");
}
