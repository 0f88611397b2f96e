using System.Collections.Concurrent;
using System.Text;

namespace Crew.Sealing.Tests;

public sealed class KeyRingTests
{
    private static readonly DateTimeOffset _now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly Cell _cell = new("org_1/ws_1", "agents_memory", "text", "memo_1");
    private readonly MasterKey _master = MasterKey.Generate();
    private readonly List<WrappedKey> _rows = [];
    private readonly KeyRing _ring;

    public KeyRingTests()
    {
        _ring = KeyRing.Begin(_master, _now, out var installation);
        _rows.Add(installation);
        Keep(_ring.CreateOrganization("org_1", _now));
        Keep(_ring.Create(KeyScope.Workspace, "ws_1", KeyScope.Organization, "org_1", _now));
        Keep(_ring.Create(KeyScope.Crew, "crew_1", KeyScope.Workspace, "ws_1", _now));
        Keep(_ring.Create(KeyScope.Subject, "con_1", KeyScope.Crew, "crew_1", _now));
    }

    [Fact]
    public void A_ring_opened_from_its_rows_opens_what_was_sealed_before()
    {
        var envelope = _ring.Seal(KeyScope.Subject, "con_1", _cell, "Grüße");
        var again = KeyRing.Open([.. Enumerable.Reverse(_rows)], _master).Value;
        again.TryOpenText(KeyScope.Subject, "con_1", _cell, envelope, out var text).ShouldBeTrue();
        text.ShouldBe("Grüße");
        again.TryOpenText(KeyScope.Crew, "crew_1", _cell, envelope, out _).ShouldBeFalse();
        again.TryOpenText(KeyScope.Subject, "con_1", _cell with { Row = "memo_2" }, envelope, out _).ShouldBeFalse();
        again.TryOpenText(KeyScope.Subject, "con_2", _cell, envelope, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_wrong_master_key_is_told_as_such()
    {
        using var other = MasterKey.Generate();
        KeyRing.Open(_rows, other).Fault!.Code.ShouldBe("wrong_master_key");
    }

    [Fact]
    public void One_damaged_root_is_no_wrong_master_key()
    {
        _rows[1].Wrapped[^1] ^= 1;
        var fault = KeyRing.Open(_rows, _master).Fault!;
        fault.Code.ShouldBe("keys_damaged");
        fault.Details!["ids"].ShouldBe(_rows[1].Id);
    }

    [Fact]
    public void Rows_without_an_installation_key_or_without_a_parent_are_refused()
    {
        KeyRing.Open([], _master).Fault!.Code.ShouldBe("keys_missing");
        KeyRing.Open([_rows[0], _rows[1], _rows[3]], _master).Fault!.Details!["ids"].ShouldBe(_rows[3].Id);
        KeyRing.Open([.. _rows, _rows[1] with { Id = "wkey_twin" }], _master).Fault.ShouldNotBeNull();
    }

    [Fact]
    public void A_wrapped_key_cannot_pass_for_another_scope_version_or_id()
    {
        var key = _rows[1];
        foreach (var forged in new[] { key with { ScopeId = "org_2" }, key with { Version = 2 }, key with { Id = "wkey_x" } })
        {
            KeyRing.Open([_rows[0], forged], _master).Fault!.Code.ShouldBe("keys_damaged");
        }

        var crew = _rows[3] with { ScopeId = "crew_2" };
        KeyRing.Open([_rows[0], _rows[1], _rows[2], crew], _master).Value.Current(KeyScope.Crew, "crew_2").ShouldBeNull();
    }

    [Fact]
    [Trait("Trap", "18")]
    public void After_a_rotation_the_old_version_still_opens_and_the_new_one_seals()
    {
        var before = _ring.Seal(KeyScope.Workspace, "ws_1", _cell, "old");
        var row = _ring.Rotate(KeyScope.Workspace, "ws_1", _now);
        _ring.Current(KeyScope.Workspace, "ws_1")!.Version.ShouldBe(1, "a key that is not stored yet must not seal");
        Keep(row);
        var after = _ring.Seal(KeyScope.Workspace, "ws_1", _cell, "new");
        Envelope.TryReadKeyVersion(after, out var version).ShouldBeTrue();
        version.ShouldBe(2);
        _ring.TryOpenText(KeyScope.Workspace, "ws_1", _cell, before, out var old).ShouldBeTrue();
        old.ShouldBe("old");
        _ring.IsSealedByOlderKey(KeyScope.Workspace, "ws_1", before).ShouldBeTrue();
        _ring.IsSealedByOlderKey(KeyScope.Workspace, "ws_1", after).ShouldBeFalse();
        _ring.Versions(KeyScope.Workspace, "ws_1").Select(key => key.Version).ShouldBe([2, 1]);
    }

    [Fact]
    public void Children_move_under_the_rotated_parent()
    {
        var envelope = _ring.Seal(KeyScope.Crew, "crew_1", _cell, "kept");
        Keep(_ring.Rotate(KeyScope.Workspace, "ws_1", _now));
        var moved = _ring.RewrapChildren(KeyScope.Workspace, "ws_1");
        moved.ShouldHaveSingleItem().ParentId.ShouldBe(_rows[^1].Id);
        _ring.Replace(moved);
        _ring.RewrapChildren(KeyScope.Workspace, "ws_1").ShouldBeEmpty();

        // The workspace's first key is not needed any more for what stands below it.
        var rows = _rows.Where(row => row.Id != moved[0].Id && row != _rows[2]).Concat(moved).ToList();
        KeyRing.Open(rows, _master).Value.TryOpenText(KeyScope.Crew, "crew_1", _cell, envelope, out var text).ShouldBeTrue();
        text.ShouldBe("kept");
    }

    [Fact]
    public void A_new_master_key_opens_the_rewrapped_rows_and_the_old_one_no_more()
    {
        var envelope = _ring.Seal(KeyScope.Crew, "crew_1", _cell, "kept");
        using var next = MasterKey.Generate();
        var rewrapped = _ring.Rewrap(next);
        rewrapped.Count.ShouldBe(2);
        var rows = _rows.Select(row => rewrapped.FirstOrDefault(again => again.Id == row.Id) ?? row).ToList();
        KeyRing.Open(rows, _master).Fault!.Code.ShouldBe("wrong_master_key");
        var opened = KeyRing.Open(rows, next).Value;
        opened.TryOpenText(KeyScope.Crew, "crew_1", _cell, envelope, out _).ShouldBeTrue();

        _ring.Replace(rewrapped, next);
        var organization = _ring.CreateOrganization("org_2", _now);
        opened.Add(organization).ShouldBeNull();
        opened.Current(KeyScope.Organization, "org_2").ShouldNotBeNull();
    }

    [Fact]
    public void A_forgotten_subject_cannot_be_opened_any_more()
    {
        var envelope = _ring.Seal(KeyScope.Subject, "con_1", _cell, "personal");
        _ring.Forget(KeyScope.Subject, "con_1");
        _ring.TryOpenText(KeyScope.Subject, "con_1", _cell, envelope, out _).ShouldBeFalse();
        Should.Throw<InvalidOperationException>(() => _ring.Seal(KeyScope.Subject, "con_1", _cell, "more"));
    }

    [Fact]
    public void A_key_stands_only_where_the_hierarchy_has_room_for_it()
    {
        Should.Throw<ArgumentException>(() => _ring.Create(KeyScope.Crew, "crew_2", KeyScope.Organization, "org_1", _now));
        Should.Throw<ArgumentException>(() => _ring.Create(KeyScope.Workspace, "ws_2", null, null, _now));
        Should.Throw<InvalidOperationException>(() => _ring.Create(KeyScope.Workspace, "ws_1", KeyScope.Organization, "org_1", _now));
        Should.Throw<InvalidOperationException>(() => _ring.Create(KeyScope.Workspace, "ws_2", KeyScope.Organization, "org_9", _now));
        _ring.Create(KeyScope.Subject, "user_1", KeyScope.Installation, WrappedKey.InstallationId, _now).ParentId.ShouldBe(_rows[0].Id);
    }

    [Fact]
    public void Purposes_and_scopes_have_different_sub_keys_and_lookup_hashes()
    {
        var (workspace, crew) = (_ring.Current(KeyScope.Workspace, "ws_1")!, _ring.Current(KeyScope.Crew, "crew_1")!);
        workspace.Derive(KeyPurpose.Pepper).Length.ShouldBe(32);
        workspace.Derive("a").SequenceEqual(workspace.Derive("b")).ShouldBeFalse();
        workspace.Derive("a").SequenceEqual(crew.Derive("a")).ShouldBeFalse();
        workspace.LookupHash("email", "a@b.c").ShouldBe(workspace.LookupHash("email", "a@b.c"));
        workspace.LookupHash("email", "a@b.c").ShouldNotBe(workspace.LookupHash("name", "a@b.c"));
        workspace.LookupHash("email", "a@b.c").ShouldNotBe(crew.LookupHash("email", "a@b.c"));
        workspace.ToString().ShouldEndWith("(key)");
    }

    [Fact]
    public void Many_threads_seal_and_open_while_keys_rotate()
    {
        var envelopes = new ConcurrentBag<byte[]>();
        Parallel.For(0, 4000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, number =>
        {
            var text = $"value {number}";
            var envelope = _ring.Seal(KeyScope.Crew, "crew_1", _cell, text);
            envelopes.Add(envelope);
            _ring.TryOpenText(KeyScope.Crew, "crew_1", _cell, envelope, out var opened).ShouldBeTrue();
            opened.ShouldBe(text);
            if (number % 1000 == 0)
            {
                lock (_rows)
                {
                    Keep(_ring.Rotate(KeyScope.Crew, "crew_1", _now));
                }
            }
        });
        var again = KeyRing.Open(_rows, _master).Value;
        envelopes.All(envelope => again.TryOpen(KeyScope.Crew, "crew_1", _cell, envelope, out _)).ShouldBeTrue();
    }

    [Fact]
    public void More_subjects_than_stay_unwrapped_all_open()
    {
        var sealedBy = new List<(string Id, byte[] Envelope)>();
        for (var number = 0; number < KeyRing.MaxOpenSubjectKeys + 50; number++)
        {
            var id = $"con_x{number}";
            Keep(_ring.Create(KeyScope.Subject, id, KeyScope.Crew, "crew_1", _now));
            sealedBy.Add((id, _ring.Seal(KeyScope.Subject, id, _cell, Encoding.UTF8.GetBytes(id))));
        }

        sealedBy.All(one => _ring.TryOpen(KeyScope.Subject, one.Id, _cell, one.Envelope, out _)).ShouldBeTrue();
    }

    private void Keep(WrappedKey row)
    {
        _rows.Add(row);
        _ring.Add(row).ShouldBeNull();
    }
}
