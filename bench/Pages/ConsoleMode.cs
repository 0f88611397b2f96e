using System.Globalization;
using System.Text;
using Crew.Testing;
using Microsoft.Playwright;

namespace Crew.Bench.Pages;

/// <summary>
/// What somebody waits for who opens the console: how much script comes over the wire at the first load, when the overview shows what it is for
/// in a browser that has never been here, and whether a long table keeps up with the wheel.
/// </summary>
internal sealed class ConsoleMode(int rounds)
{
    private const string Chromium = "/usr/bin/chromium";
    private const string Password = "seven grey owls at dusk";
    private const int MostScriptBytes = 250 * 1024;
    private const int MostMilliseconds = 1_000;
    private const int MostFrameMilliseconds = 50;
    private const int LongRows = 10_000;
    private const int Wheels = 60;
    private const int WheelPixels = 1_200;

    private readonly List<(string Measure, string Figure, string Goal, bool IsMet)> _rows = [];

    public static async Task<int> MainAsync(Arguments arguments)
    {
        if (!File.Exists(Chromium))
        {
            Console.Error.WriteLine("There is no Chromium here.");
            return 2;
        }

        var mode = new ConsoleMode(arguments.Number("rounds", arguments.Has("quick") ? 3 : 9));
        await mode.RunAsync(arguments.Text("crew"));
        return mode._rows.TrueForAll(r => r.IsMet) ? 0 : 1;
    }

    private async Task RunAsync(string? executable)
    {
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions { Executable = executable ?? CrewExecutable.Find("publish/Host/release", "bin/Host/release") });
        using var visitor = new WebVisitor(server.Address);
        await visitor.SubmitAsync(new Uri(server.Installation.Owner.SignInUrl).AbsolutePath, ("password", Password));
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });

        var (milliseconds, bytes) = (new List<double>(), 0d);
        for (var round = 0; round <= rounds; round++)
        {
            // A context of its own: nothing is cached. The first one warms browser and server up.
            await using var context = await EnterAsync(browser, server, visitor.Session!);
            var (ready, loaded) = await LoadAsync(await context.NewPageAsync(), $"/w/{server.Installation.WorkspaceId}");
            if (round > 0)
            {
                milliseconds.Add(ready);
                bytes = loaded;
            }
        }

        milliseconds.Sort();
        var median = milliseconds[milliseconds.Count / 2];
        Note("compressed script at the first load", $"{bytes / 1024:F1} KiB", $"≤ {MostScriptBytes / 1024} KiB", bytes <= MostScriptBytes);
        Note($"overview shown and usable, median of {rounds} (slowest {milliseconds[^1]:F0} ms)", $"{median:F0} ms", $"≤ {MostMilliseconds} ms", median <= MostMilliseconds);
        await using var last = await EnterAsync(browser, server, visitor.Session!);
        var longest = await ScrollAsync(await last.NewPageAsync(), $"/w/{server.Installation.WorkspaceId}/gateway/requests");
        Note($"longest frame while a table of {LongRows} rows scrolls", $"{longest:F0} ms", $"≤ {MostFrameMilliseconds} ms", longest <= MostFrameMilliseconds);
    }

    private static async Task<IBrowserContext> EnterAsync(IBrowser browser, CrewServer server, string session)
    {
        var context = await browser.NewContextAsync(new BrowserNewContextOptions { BaseURL = server.Address.ToString(), ViewportSize = new ViewportSize { Width = 1280, Height = 900 } });
        await context.AddCookiesAsync([new Cookie { Name = "crew_session", Value = session, Url = server.Address.ToString() }]);
        return context;
    }

    /// <summary>From the navigation to the moment that the page has its heading and nothing of it is still loading.</summary>
    private static async Task<(double Milliseconds, double ScriptBytes)> LoadAsync(IPage page, string path)
    {
        await page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        var ready = await page.WaitForFunctionAsync("() => document.querySelector('main h1') && !document.querySelector('[role=status][aria-label=Loading]') && performance.now()");
        var bytes = await page.EvaluateAsync<double>(
            "() => performance.getEntriesByType('resource').filter(r => new URL(r.name).pathname.endsWith('.js')).reduce((sum, r) => sum + r.encodedBodySize, 0)");
        return (await ready.JsonValueAsync<double>(), bytes);
    }

    /// <summary>The longest pause between two frames, with rows that the page is given in one answer; their refresh stays away.</summary>
    private static async Task<double> ScrollAsync(IPage page, string path)
    {
        var isAnswered = false;
        await page.RouteAsync("**/v1/gateway/requests?*", async route =>
        {
            if (!isAnswered)
            {
                isAnswered = true;
                await route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = Rows() });
            }
        });
        await page.GotoAsync(path);
        await page.Locator("tbody tr").Nth(5).WaitForAsync();
        await page.EvaluateAsync("""
            () => {
              let last = performance.now();
              window.longest = 0;
              const frame = (now) => { window.longest = Math.max(window.longest, now - last); last = now; requestAnimationFrame(frame); };
              requestAnimationFrame(frame);
            }
            """);
        await page.Mouse.MoveAsync(700, 500);
        for (var wheel = 0; wheel < Wheels; wheel++)
        {
            await page.Mouse.WheelAsync(0, WheelPixels);
            await page.WaitForTimeoutAsync(16);
        }

        return await page.EvaluateAsync<double>("() => window.longest");
    }

    private static string Rows()
    {
        var text = new StringBuilder("""{"success":true,"data":[""");
        for (var row = 0; row < LongRows; row++)
        {
            text.Append(row > 0 ? "," : "").Append(CultureInfo.InvariantCulture, $$"""
                {"request_id":"req_{{row:D26}}","attempt":1,"at":"2026-12-01T00:00:00.000Z","crew_id":null,"key_id":null,"user_id":null,"model":"m{{row % 7}}","provider_id":null,
                "endpoint":"/v1/chat/completions","stream":false,"test":false,"tokens":{"input":{{row}},"cache_read":0,"cache_write":0,"output":9,"reasoning":0},
                "cost_usd":"0.000012000","provenance":"exact","status":200,"outcome":"success","first_byte_ms":7,"total_ms":8,"ip_address":null,"user_agent":null}
                """);
        }

        return text.Append("""],"pagination":{"next_cursor":null,"has_more":false}}""").ToString();
    }

    private void Note(string measure, string figure, string goal, bool isMet)
    {
        _rows.Add((measure, figure, goal, isMet));
        Console.WriteLine($"{(isMet ? "ok  " : "MISS")}  {measure}: {figure} (goal {goal})");
    }
}
