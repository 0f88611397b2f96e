using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Crew.Kernel;
using Crew.Webhooks.Delivery;
using Samples;

namespace Crew.Webhooks.Tests;

/// <summary>The samples for receivers take what is ours and refuse what is not, the same in each language.</summary>
public sealed class SampleTests
{
    private const string Current = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Former = "a secret of my own";
    private static readonly DateTimeOffset At = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"type":"crew.updated","name":"é"}""");

    [Fact]
    public void In_CSharp() => ShouldJudge((secret, headers, body, now) => WebhookVerifier.Verify(secret, headers, body, now));

    [Fact]
    public void In_Python() => ShouldJudge((secret, headers, body, now) => Runs("python3", "-c", """
        import json, sys, base64
        sys.path.insert(0, sys.argv[1])
        from verify import verify
        c = json.loads(sys.argv[2])
        print(verify(c["secret"], c["headers"], base64.b64decode(c["body"]), c["now"]))
        """, secret, headers, body, now));

    /// <summary>Node strips types from 22.6 on; an older one cannot run the sample as it stands.</summary>
    [Fact]
    public void In_TypeScript()
    {
        Assert.SkipUnless(NodeMajor() >= 23, "This Node does not run TypeScript.");
        ShouldJudgeInTypeScript();
    }

    private static void ShouldJudgeInTypeScript() => ShouldJudge((secret, headers, body, now) => Runs("node", "--experimental-strip-types", """
        const { verify } = await import(process.argv[1] + "/verify.ts");
        const c = JSON.parse(process.argv[2]);
        console.log(verify(c.secret, c.headers, Buffer.from(c.body, "base64"), c.now));
        """, secret, headers, body, now));

    [Fact]
    public void The_npm_client_of_the_standard_verifies_during_a_rotation_too()
    {
        const string script = """
            import { Webhook } from "standardwebhooks";
            const c = JSON.parse(process.argv[1]);
            for (const options of [[c.current], [c.former, { format: "raw" }]]) new Webhook(...options).verify(c.body, c.headers);
            try { new Webhook(c.current).verify(c.body + " ", c.headers); console.log("false"); } catch { console.log("true"); }
            """;
        var now = DateTimeOffset.UtcNow;
        var headers = new Dictionary<string, string>
        {
            ["webhook-id"] = "evt_1",
            ["webhook-timestamp"] = Signature.TimeText(now),
            ["webhook-signature"] = Signature.Standard([new SecretText(Current), new SecretText(Former)], "evt_1", now, Body),
        };
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.Combine(SourceRoot.Path, "tests", "clients") };
        var told = JsonSerializer.Serialize(new { current = Current, former = Former, body = Encoding.UTF8.GetString(Body), headers });
        foreach (var argument in new[] { "--input-type=module", "-e", script, "--", told })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
        process.WaitForExit();
        output.Trim().ShouldBe("true", error);
    }

    private static void ShouldJudge(Func<string, Dictionary<string, string>, byte[], DateTimeOffset, bool> verify)
    {
        var headers = new Dictionary<string, string>
        {
            ["Webhook-Id"] = "evt_1",
            ["webhook-timestamp"] = Signature.TimeText(At),
            ["webhook-signature"] = Signature.Standard([new SecretText(Current), new SecretText(Former)], "evt_1", At, Body),
        };
        verify(Current, headers, Body, At).ShouldBeTrue();
        verify(Former, headers, Body, At.AddSeconds(299)).ShouldBeTrue("during a rotation both secrets verify");
        verify("another secret", headers, Body, At).ShouldBeFalse();
        verify(Current, headers, [.. Body, (byte)' '], At).ShouldBeFalse("the body was changed");
        verify(Current, headers, Body, At.AddSeconds(301)).ShouldBeFalse("it is old");
        verify(Current, new Dictionary<string, string>(headers) { ["webhook-timestamp"] = "-1" }, Body, At).ShouldBeFalse();
        verify(Current, new Dictionary<string, string>(headers) { ["Webhook-Id"] = "evt_2" }, Body, At).ShouldBeFalse("the id is signed");
    }

    private static int NodeMajor()
    {
        using var process = Process.Start(new ProcessStartInfo("node", "--version") { RedirectStandardOutput = true })!;
        return int.Parse(process.StandardOutput.ReadToEnd().TrimStart('v').Split('.')[0]);
    }

    private static bool Runs(string program, string option, string script, string secret, Dictionary<string, string> headers, byte[] body, DateTimeOffset now)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = program == "node" ? [option, "--no-warnings", "--input-type=module", "-e", script, "--"] : [option, script];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.ArgumentList.Add(Path.Combine(SourceRoot.Path, "samples", "webhooks"));
        start.ArgumentList.Add(JsonSerializer.Serialize(new { secret, headers, body, now = now.ToUnixTimeSeconds() }));
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, error);
        return output.Trim().Equals("true", StringComparison.OrdinalIgnoreCase);
    }
}
