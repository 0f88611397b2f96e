using System.Text;
using Crew.Sealing.Egress;
using Crew.Testing;

namespace Crew.Keys.Tests;

/// <summary>Signatures of GitHub's secret scanning, against GitHub's own published samples and against a peer that signs with its own key.</summary>
public sealed class GitHubKeysTests : IDisposable
{
    /// <summary>The document and the two samples that GitHub's page for partners published in 2023 and 2024.</summary>
    private const string Document = """
        {"public_keys":[
          {"key_identifier":"f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d","is_current":false,"key":
           "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----\n"},
          {"key_identifier":"bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c","is_current":true,"key":
           "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n"}]}
        """;

    private const string OldId = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d";
    private const string OldSample = """[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]""";
    private const string OldSignature = "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=";
    private const string Id = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
    private const string Sample = """[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]""";
    private const string Signature = "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==";

    private readonly string _file = Path.GetTempFileName();
    private readonly FakeClock _clock = new();

    public GitHubKeysTests() => File.WriteAllText(_file, Document);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(OldId, OldSample, OldSignature)]
    [InlineData(Id, Sample, Signature)]
    public async Task The_samples_that_GitHub_published_are_verified(string id, string sample, string signature) =>
        (await Keys(_file).VerifyAsync(id, signature, Encoding.UTF8.GetBytes(sample), Cancel)).ShouldBeNull();

    [Theory]
    [InlineData(OldId, Sample, Signature)]
    [InlineData(Id, OldSample, Signature)]
    [InlineData(Id, Sample + " ", Signature)]
    [InlineData(Id, Sample, OldSignature)]
    [InlineData(Id, Sample, "")]
    [InlineData(Id, Sample, "no base64")]
    [InlineData(Id, Sample, "MAYCAQACAQA=")]
    [InlineData("", Sample, Signature)]
    [InlineData("another", Sample, Signature)]
    public async Task Another_key_body_or_signature_is_not(string id, string sample, string signature) =>
        (await Keys(_file).VerifyAsync(id, signature, Encoding.UTF8.GetBytes(sample), Cancel))!.Code.ShouldBe("invalid_signature");

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"public_keys":[]}""")]
    [InlineData("""{"public_keys":[{"key_identifier":"a","key":"no key"}]}""")]
    [InlineData("""{"public_keys":[{"key":"no id"}]}""")]
    [InlineData("""{"public_keys":{"a":1}}""")]
    public async Task A_document_that_is_none_says_that_nobody_can_judge(string document)
    {
        await File.WriteAllTextAsync(_file, document, Cancel);
        (await Keys(_file).VerifyAsync(Id, Signature, Encoding.UTF8.GetBytes(Sample), Cancel))!.Code.ShouldBe("signature_keys_unavailable");
    }

    [Fact]
    public void A_key_of_another_curve_is_passed_over()
    {
        using var other = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP384);
        var document = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new { public_keys = new[] { new { key_identifier = "a", key = other.ExportSubjectPublicKeyInfoPem() } } });
        GitHubKeys.Parse(document).ShouldBeNull();
    }

    [Fact]
    public async Task A_peers_keys_are_read_once_and_again_for_a_new_one_but_not_at_every_strangers_word()
    {
        await using var scanner = await SecretScanner.StartAsync();
        var keys = Keys(scanner.KeysUrl.ToString(), scanner.EgressEntry);
        for (var report = 0; report < 3; report++)
        {
            (await VerifyAsync(keys, scanner, null)).ShouldBeNull();
        }

        scanner.Reads.ShouldBe(1);
        var next = scanner.AddKey();
        (await VerifyAsync(keys, scanner, next))!.Code.ShouldBe("invalid_signature");
        scanner.Reads.ShouldBe(1);
        _clock.Advance(TimeSpan.FromSeconds(61));
        (await VerifyAsync(keys, scanner, next)).ShouldBeNull();
        scanner.Reads.ShouldBe(2);
    }

    [Fact]
    public async Task A_peer_inside_the_network_that_nobody_has_allowed_is_not_called()
    {
        await using var scanner = await SecretScanner.StartAsync();
        (await VerifyAsync(Keys(scanner.KeysUrl.ToString()), scanner, null))!.Code.ShouldBe("signature_keys_unavailable");
        scanner.Reads.ShouldBe(0);
    }

    private static Task<Crew.Kernel.Fault?> VerifyAsync(GitHubKeys keys, SecretScanner scanner, string? id)
    {
        var (body, headers) = scanner.Report(["crew_sk_live_x"], id);
        return keys.VerifyAsync(headers[0].Value, headers[1].Value, body, Cancel);
    }

    private GitHubKeys Keys(string from, string allow = "") => new(new GitHubKeysOptions(from),
        new GuardedHandlerFactory(EgressPolicy.Parse(allow).Value, new SystemHostResolver()), _clock);
}
