using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Host;

/// <summary>
/// The file beside the data folder that holds the keys and the sign-in link of a first start without a terminal. It has done its work at the
/// first use of one of its keys, or at the first sign-in, and is removed then.
/// </summary>
internal sealed class FirstRunFile(string path) : IEventSink
{
    private string[] _last4 = [];

    /// <summary>Looks whether the file lies there; afterwards <see cref="Used"/> waits for its keys.</summary>
    public void Watch()
    {
        try
        {
            if (File.Exists(path) && JsonSerializer.Deserialize<FirstRun>(File.ReadAllText(path), Commands.CommandLine.Json) is { } run)
            {
                _last4 = [run.ApiKeys.Live[^4..], run.ApiKeys.Test[^4..]];
            }
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            // Not ours to read: crew doctor tells the operator about it.
        }
    }

    /// <summary>Removes the file when the caller's key is one of those in it.</summary>
    public void Used(HttpContext http)
    {
        if (_last4.Length == 0 || http.Features.Get<Call>()?.CallerOrNull is not { Kind: KeyKind.Master } caller || !_last4.Contains(caller.Actor.KeyLast4))
        {
            return;
        }

        Remove();
    }

    /// <summary>The first sign-in ends it as well: then its link has done its work, and its keys can be made anew.</summary>
    public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
    {
        if (_last4.Length > 0 && events.Any(e => e.Type == "auth.login.success"))
        {
            Remove();
        }
    }

    private void Remove()
    {
        _last4 = [];
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // crew doctor reports a file that is left.
        }
    }
}
