using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>Drives the cases in <c>tests/clients</c>: the official <c>openai</c> and <c>@anthropic-ai/sdk</c> packages for Node.</summary>
public sealed class NodeClientTests(ClientStage stage)
{
    [Fact]
    public async Task The_packages_for_Node_pass_all_their_cases() => (await stage.Node.Value).Count.ShouldBeGreaterThan(60);
}
