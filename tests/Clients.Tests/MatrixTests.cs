using System.Text;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>Every official client, doing everything, before every kind of provider; and the page that says so.</summary>
public sealed class MatrixTests(ClientStage stage)
{
    private const string Page = "docs/guides/client-matrix.md";

    [Fact]
    public async Task The_published_matrix_is_what_the_clients_show()
    {
        var shown = new HashSet<string>(await stage.Node.Value, StringComparer.Ordinal);
        var failures = new List<string>();
        await RunAsync(OpenAiMatrix.Client, new OpenAiMatrix(stage).Cases, shown, failures);
        await RunAsync(ResponsesMatrix.Client, new ResponsesMatrix(stage).Cases, shown, failures);
        await RunAsync(AnthropicMatrix.Client, new AnthropicMatrix(stage).Cases, shown, failures);
        failures.ShouldBeEmpty();

        var path = Path.Combine(CrewExecutable.RepositoryRoot, Page);
        var text = Write(shown);
        if (Environment.GetEnvironmentVariable("CREW_UPDATE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
        }

        (await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).ShouldBe(text,
            $"{Page} differs from what the clients show. Run CREW_UPDATE_DOCS=1 ./test.sh Clients and commit the file.");
    }

    private static async Task RunAsync(string client, IReadOnlyDictionary<string, Func<string, Task>> cases, HashSet<string> shown, List<string> failures)
    {
        foreach (var (name, run) in cases)
        {
            foreach (var kind in ClientStage.Models.Keys.Where(kind => name != MatrixCase.Embeddings || kind != "anthropic"))
            {
                var cell = new MatrixCase(client, name, kind);
                if (await Record.ExceptionAsync(() => run(kind)) is { } failure)
                {
                    failures.Add($"{cell}: {failure.Message}");
                }
                else
                {
                    shown.Add(cell.ToString());
                }
            }
        }
    }

    private static string Write(HashSet<string> shown)
    {
        var page = new StringBuilder("""
            # Which client does what

            The official clients, unmodified, with nothing set but base URL and key, against a running server; behind it a provider of each kind. Made by
            `tests/Clients.Tests`, which fails where this page says more or less than it shows. A dash: the dialect has no such thing, or no provider
            of the kind serves it. For the idle streams `CREW_STREAM_PING_SECONDS` is 0.3. [Dialects and endpoints](dialects.md)
            says how a client of one dialect reaches a provider of another.

            """);
        foreach (var client in new[]
        {
            "openai for Node", "openai for Node, responses", "anthropic for Node", OpenAiMatrix.Client, ResponsesMatrix.Client, AnthropicMatrix.Client,
        })
        {
            page.Append($"\n## {client}\n\n| |").AppendJoin('|', ClientStage.Models.Keys.Select(kind => $" `{kind}` ")).Append("|\n| --- |");
            page.AppendJoin('|', ClientStage.Models.Keys.Select(_ => " --- ")).Append("|\n");
            foreach (var name in MatrixCase.Names)
            {
                page.Append($"| {name} |").AppendJoin('|', ClientStage.Models.Keys.Select(kind =>
                    shown.Contains(new MatrixCase(client, name, kind).ToString()) ? " yes " : " – ")).Append("|\n");
            }
        }

        return page.ToString();
    }
}
