using System.Runtime.InteropServices;

namespace Crew.Bench.Control;

/// <summary>How a helper process announces its port and when it ends: by a signal, or when the process that started it goes away.</summary>
internal static class ChildLife
{
    public const string Announcement = "listening on ";

    public static async Task ListenAsync(int port, Arguments arguments)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => End(signal, over));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => End(signal, over));
        Console.WriteLine($"{Announcement}http://127.0.0.1:{port}");
        if (arguments.Has("parent"))
        {
            _ = Task.Run(async () =>
            {
                // The parent holds the other end of this pipe; its end is the parent's end.
                await Console.In.ReadToEndAsync();
                over.TrySetResult();
            });
        }

        await over.Task;
    }

    private static void End(PosixSignalContext signal, TaskCompletionSource over)
    {
        signal.Cancel = true;
        over.TrySetResult();
    }
}
