namespace Crew.Spend;

/// <summary>What keeps a book in step with the database; <c>Book.cs</c> holds and settles.</summary>
internal sealed partial class Book
{
    /// <summary>Joins the desk's queue once, however often it is asked.</summary>
    public void Queue(Allowance allowance)
    {
        if (allowance.Enqueue())
        {
            desk.Queue(allowance);
        }
    }

    public LeaseExtension Take(Allowance allowance)
    {
        lock (_lock)
        {
            var extension = allowance.Take(desk.Time.NowMs, clock);
            extension.Epoch = desk.Epoch;
            return extension;
        }
    }

    public void Apply(LeaseExtension extension)
    {
        bool isAnswered;
        lock (_lock)
        {
            isAnswered = extension.Allowance.Apply(extension, desk.Time.NowMs, clock);
            if (extension.IsOver)
            {
                Abandon(extension.Allowance);
            }

            if (extension.Allowance.IsClosed)
            {
                _retired.Remove(extension.Allowance);
            }
        }

        if (extension.IsEpochOver)
        {
            desk.Invalidate(extension.Epoch);
        }

        if (extension.Verdict == RecallVerdict.Ask)
        {
            desk.NoteRecall();
        }

        if (isAnswered)
        {
            extension.Answer();
        }
    }

    /// <summary>The extension could not be written: nothing changes, waiting requests look again until their time is up.</summary>
    public void Fail(LeaseExtension extension)
    {
        lock (_lock)
        {
            if (extension.Closes || !extension.Allowance.IsDurable || extension.Deficit == 0 || extension.Answers > 0)
            {
                Queue(extension.Allowance);
            }
        }

        extension.Answer();
    }

    /// <summary>Joins the queue again, although it may be in it already: something more urgent came.</summary>
    public void QueueAgain(Allowance allowance)
    {
        allowance.Enqueue();
        desk.Queue(allowance);
    }

    /// <summary>To be called before the numbers of recalls are read that <see cref="Recall"/> will take.</summary>
    public void BeginRecall()
    {
        lock (_lock)
        {
            foreach (var allowance in _current.Values.Concat(_retired))
            {
                allowance.BeginRead();
            }
        }
    }

    /// <summary>Another node needs what is leased here and not used.</summary>
    public void Recall(string budgetId, long number)
    {
        lock (_lock)
        {
            foreach (var allowance in _current.Values.Concat(_retired).Where(a => a.Terms.Id == budgetId))
            {
                allowance.Recall(number, clock.GetTimestamp());
            }
        }
    }

    /// <summary>
    /// This process was taken for dead and its leases were closed: what is held settles there, and nothing more is held out of them.
    /// What they did not use goes back, for nobody knows that better than this process.
    /// </summary>
    public void Abandon()
    {
        lock (_lock)
        {
            foreach (var allowance in _current.Values)
            {
                Retire(allowance);
            }

            _current.Clear();
            _retired.ForEach(a => a.Abandon());
            Volatile.Write(ref _version, _version + 1);
        }
    }

    /// <summary>Ends windows that are over, and gives back leases that nobody has used for a while.</summary>
    public void Tidy(long nowMs, long idleMs)
    {
        lock (_lock)
        {
            foreach (var allowance in _current.Values)
            {
                if (nowMs >= allowance.Span.EndMs)
                {
                    _current.Remove(allowance.Terms.Id);
                    Retire(allowance);
                }
                else if (allowance.Available > 0 && nowMs - allowance.LastUsedMs >= idleMs)
                {
                    allowance.CutDown();
                }
            }
        }
    }

    /// <summary>Queues the last write of every lease; the book takes no more holds.</summary>
    public void Shut()
    {
        lock (_lock)
        {
            foreach (var allowance in _current.Values.Concat(_retired).Where(a => a.WasQueued).ToList())
            {
                allowance.Shut();
            }
        }
    }

    /// <summary>Current windows into which something was settled lately.</summary>
    public IReadOnlyList<Allowance> TakeSettled()
    {
        lock (_lock)
        {
            var settled = _current.Values.Where(a => a.Looks > 0).ToList();
            settled.ForEach(a => a.Looks--);
            return settled;
        }
    }

    /// <summary>Breaches since the last call: budget and the sum above what was held.</summary>
    public IReadOnlyList<(BudgetTerms Terms, long Excess)> TakeBreaches()
    {
        lock (_lock)
        {
            var breached = _current.Values.Concat(_retired).Where(a => a.Breach > 0).Select(a => (a.Terms, a.Breach, a)).ToList();
            breached.ForEach(b => b.a.Breach = 0);
            return [.. breached.Select(b => (b.Terms, b.Breach))];
        }
    }

    /// <summary>Takes breaches back that could not be announced.</summary>
    public void ReturnBreaches(IReadOnlyList<(BudgetTerms Terms, long Excess)> breaches)
    {
        lock (_lock)
        {
            foreach (var (terms, excess) in breaches)
            {
                if (_current.TryGetValue(terms.Id, out var allowance))
                {
                    NoteBreach(allowance, excess);
                }
            }
        }
    }

    /// <summary>The lease was closed by others: the next hold takes another one.</summary>
    private void Abandon(Allowance allowance)
    {
        allowance.Abandon();
        if (_current.GetValueOrDefault(allowance.Terms.Id) == allowance)
        {
            _current.Remove(allowance.Terms.Id);
            Retire(allowance);
            Volatile.Write(ref _version, _version + 1);
        }
    }

    private void Retire(Allowance allowance)
    {
        if (allowance.WasQueued)
        {
            _retired.Add(allowance);
            allowance.Retire();
        }
    }

    private void NoteBreach(Allowance allowance, long excess)
    {
        if (excess > 0 && allowance.Terms.IsStrict)
        {
            allowance.Breach = Allowance.Sum(allowance.Breach, excess);
            desk.NoteBreach(this);
        }
    }
}
