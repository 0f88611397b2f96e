using System.Collections.Concurrent;

namespace Crew.Api.Tests;

/// <summary>One request: its method, its path as it was sent, and whether it carried a key.</summary>
public sealed record ApiCall(string Method, string Path, bool HasKey)
{
    public override string ToString() => $"{Method} {Path}";
}

/// <summary>An answer that a test has held against what it expected, and found so.</summary>
public sealed record Shown(ApiCall Call, int Status, string Code, Type? Test);

/// <summary>
/// What the tests of a run have really seen the server do. A call counts once a test has compared its answer with an expected status;
/// calls that only prepare the stage count for nothing.
/// </summary>
public sealed class Evidence
{
    private readonly ConcurrentDictionary<Shown, bool> _shown = new();

    public void Note(ApiCall call, int status, string code)
    {
        var test = TestContext.Current.TestClass is Xunit.v3.IXunitTestClass known ? known.Class : null;
        _shown[new Shown(call with { Path = call.Path.Split('?')[0] }, status, code, test)] = true;
    }

    /// <summary>What was shown of each operation of the document.</summary>
    public ILookup<ApiOperation, Shown> By(ApiReference reference) => _shown.Keys
        .Select(shown => (Operation: reference.Find(shown.Call), Shown: shown))
        .Where(pair => pair.Operation is not null)
        .ToLookup(pair => pair.Operation!, pair => pair.Shown);
}
