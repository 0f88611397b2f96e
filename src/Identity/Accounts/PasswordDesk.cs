using System.Threading.Channels;
using Microsoft.Extensions.Hosting;

namespace Crew.Identity.Accounts;

/// <summary>
/// Where passwords are hashed: a queue of its own with few workers, so that a storm of sign-ins takes a bounded share of the processors and
/// nothing else waits behind it. A full queue refuses at once.
/// </summary>
internal sealed class PasswordDesk(IdentityOptions options) : BackgroundService
{
    private readonly Channel<Work> _queue = Channel.CreateBounded<Work>(new BoundedChannelOptions(options.WaitingPasswords) { FullMode = BoundedChannelFullMode.Wait });

    /// <summary>Whether the password is the one behind the hash; null when the queue is full.</summary>
    public async Task<bool?> VerifyAsync(string? stored, string password, CancellationToken cancel) =>
        await RunAsync(() => PasswordHash.Matches(stored ?? PasswordHash.Nobody, password) ? "" : null, cancel) is { } done ? done.Text is not null && stored is not null : null;

    /// <summary>The hash of a new password; null when the queue is full.</summary>
    public async Task<string?> HashAsync(string password, CancellationToken cancel) => (await RunAsync(() => PasswordHash.Of(password), cancel))?.Text;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Math.Max(1, Environment.ProcessorCount / 4)).Select(_ => Task.Run(() => WorkAsync(stoppingToken), CancellationToken.None)));

    private async Task<Done?> RunAsync(Func<string?> hash, CancellationToken cancel)
    {
        var work = new Work(hash, cancel);
        return _queue.Writer.TryWrite(work) ? await work.Result.Task.WaitAsync(cancel) : null;
    }

    private async Task WorkAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var work in _queue.Reader.ReadAllAsync(stopping))
            {
                if (work.Cancel.IsCancellationRequested)
                {
                    work.Result.TrySetCanceled(work.Cancel);
                    continue;
                }

                try
                {
                    work.Result.TrySetResult(new Done(work.Hash()));
                }
                catch (Exception error)
                {
                    work.Result.TrySetException(error);
                }
            }
        }
        catch (OperationCanceledException)
        {
            while (_queue.Reader.TryRead(out var left))
            {
                left.Result.TrySetCanceled(stopping);
            }
        }
    }

    private sealed record Done(string? Text);

    private sealed record Work(Func<string?> Hash, CancellationToken Cancel)
    {
        public TaskCompletionSource<Done> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
