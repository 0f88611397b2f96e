using System.Net;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>Many nodes that start at once on an empty database make one installation between them.</summary>
public sealed class StartTogetherTests
{
    [Fact]
    public async Task Nodes_that_start_at_once_on_an_empty_database_make_one_installation()
    {
        Assert.SkipUnless(PostgresServer.IsAvailable, "There is no PostgreSQL here.");
        await using var bed = await NodeBed.EmptyAsync(new NodeBedOptions { Nodes = Scale.Of(4, 20) });
        await Task.WhenAll(bed.Nodes.Select(node => node.StartAsync()));

        var shown = bed.Nodes.Select(node => node.DataFolder + ".first-run.json").Where(File.Exists).ShouldHaveSingleItem();
        (await bed.ReadAsync<long>("SELECT count(*) FROM tenancy_organizations")).ShouldBe(1);

        // Right below the master key stand the installation's key and that of its organization.
        (await bed.ReadAsync<long>("SELECT count(*) FROM sealing_keys WHERE parent_id IS NULL")).ShouldBe(2);
        (await bed.ReadAsync<long>("SELECT count(*) FROM sealing_keys")).ShouldBe(
            await bed.ReadAsync<long>("SELECT count(*) FROM (SELECT DISTINCT scope, scope_id FROM sealing_keys) s"));
        (await bed.ReadAsync<long>("SELECT count(*) FROM keys_api_keys")).ShouldBe(2);

        using var run = JsonDocument.Parse(await File.ReadAllTextAsync(shown, TestContext.Current.CancellationToken));
        var key = run.RootElement.GetProperty("api_keys").GetProperty("live").GetString();
        foreach (var client in bed.Clients(key))
        {
            using var me = await client.GetAsync(new Uri("/v1/me", UriKind.Relative), TestContext.Current.CancellationToken);
            me.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }
}
