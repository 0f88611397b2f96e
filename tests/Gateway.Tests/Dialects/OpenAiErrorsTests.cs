using System.Buffers;
using System.Text;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Kernel;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Dialects;

public sealed class OpenAiErrorsTests
{
    private static string Body(Fault fault)
    {
        var buffer = new ArrayBufferWriter<byte>();
        OpenAiErrors.Write(buffer, fault);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    [Fact]
    public void All_four_keys_are_always_there()
    {
        Body(Faults.Invalid("n", "Say \"n\".")).ShouldBe(
            """{"error":{"message":"Say \"n\".","type":"invalid_request_error","param":"n","code":"invalid_request"}}""");
        Body(new Fault("storage_unavailable", 503, "Wait.")).ShouldBe(
            """{"error":{"message":"Wait.","type":"server_error","param":null,"code":"storage_unavailable"}}""");
    }

    [Theory]
    [InlineData(400, "invalid_request_error")]
    [InlineData(401, "authentication_error")]
    [InlineData(402, "insufficient_quota")]
    [InlineData(403, "permission_error")]
    [InlineData(404, "invalid_request_error")]
    [InlineData(429, "rate_limit_error")]
    [InlineData(502, "server_error")]
    public void The_type_follows_from_the_status(int status, string type) => OpenAiErrors.TypeOf(status).ShouldBe(type);

    [Fact]
    public void An_error_event_is_one_frame()
    {
        var buffer = new ArrayBufferWriter<byte>();
        OpenAiErrors.WriteEvent(buffer, new Fault("x", 500, "One\nline."));
        var text = Encoding.UTF8.GetString(buffer.WrittenSpan);
        text.ShouldStartWith("data: {\"error\":");
        text.ShouldEndWith("}}\n\n");
        text.Count(c => c == '\n').ShouldBe(2);
    }

    [Theory]
    [InlineData("Authorization")]
    [InlineData("x-api-key")]
    [InlineData("api-key")]
    [InlineData("Host")]
    [InlineData("Cookie")]
    [InlineData("Connection")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Accept-Encoding")]
    [InlineData("OpenAI-Organization")]
    [InlineData("Idempotency-Key")]
    [InlineData("X-Forwarded-For")]
    [InlineData("X-Crew-Id")]
    public void Headers_that_a_provider_must_not_get_stay_here(string name) =>
        OpenAiHeaders.PassesToProvider(name).ShouldBeFalse();

    [Theory]
    [InlineData("Set-Cookie")]
    [InlineData("openai-organization")]
    [InlineData("x-request-id")]
    [InlineData("x-ratelimit-remaining-requests")]
    [InlineData("Server")]
    [InlineData("Transfer-Encoding")]
    public void Headers_of_a_provider_that_clients_must_not_get_stay_here(string name) =>
        OpenAiHeaders.PassesToClient(name).ShouldBeFalse();

    [Fact]
    public void What_clients_and_providers_tell_each_other_passes_in_any_case_of_letters()
    {
        OpenAiHeaders.PassesToProvider("OpenAI-Beta").ShouldBeTrue();
        OpenAiHeaders.PassesToProvider("TraceParent").ShouldBeTrue();
        OpenAiHeaders.PassesToClient("OpenAI-Processing-Ms").ShouldBeTrue();
        OpenAiHeaders.PassesToClient("retry-after-ms").ShouldBeTrue();
    }
}
