using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Crew.Testing;

namespace Crew.Console.Tests;

/// <summary>How the console is served, and that its own checks pass.</summary>
public sealed partial class ServedTests(ConsoleStage stage)
{
    [Fact]
    public async Task Files_go_compressed_are_kept_for_good_and_the_page_is_asked_for_anew()
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = stage.Server.Address };
        var (page, text) = await GetAsync(http, "/", null);
        page.Headers.CacheControl!.ToString().ShouldBe("no-cache");
        var (same, _) = await GetAsync(http, $"/w/{stage.WorkspaceId}/keys", null, page.Headers.ETag!.ToString());
        same.StatusCode.ShouldBe(HttpStatusCode.NotModified);

        var script = Script().Match(text).Groups[1].Value;
        foreach (var (accepted, used) in new[] { ("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), (null, null) })
        {
            var (file, _) = await GetAsync(http, script, accepted);
            file.Content.Headers.ContentEncoding.SingleOrDefault().ShouldBe(used);
            file.Headers.CacheControl!.ToString().ShouldContain("immutable");
            file.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
            file.Headers.Vary.ShouldBe(["Accept-Encoding"]);
        }

        (await http.GetAsync("/console/nothing.js", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Types_and_logic_of_the_console_hold()
    {
        await RunAsync("run", "check");
        await RunAsync("test");
    }

    private static async Task<(HttpResponseMessage Answer, string Text)> GetAsync(HttpClient http, string path, string? accepted, string? known = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accepted is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);
        }

        if (known is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", known);
        }

        var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return (answer, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("npm", arguments)
        {
            WorkingDirectory = Path.Combine(CrewExecutable.RepositoryRoot, "console"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var npm = Process.Start(start)!;
        var errors = npm.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await npm.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await npm.WaitForExitAsync(TestContext.Current.CancellationToken);
        npm.ExitCode.ShouldBe(0, $"npm {string.Join(' ', arguments)}\n{output}\n{await errors}");
    }

    [GeneratedRegex("<script[^>]* src=\"([^\"]+)\"")]
    private static partial Regex Script();
}
