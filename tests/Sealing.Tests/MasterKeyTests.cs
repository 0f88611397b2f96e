using System.Security.Cryptography;

namespace Crew.Sealing.Tests;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class MasterKeyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Base64_of_32_bytes_is_read_with_white_space_around_it()
    {
        var text = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        MasterKey.Parse($"  {text}\n", "CREW_MASTER_KEY").Value.Reveal().Reveal().ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hunter2-hunter2-hunter2")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAA==")]
    [InlineData("????????????????????????????????????????????")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void A_malformed_key_is_refused_without_repeating_it(string text)
    {
        var fault = MasterKey.Parse(text, "CREW_MASTER_KEY").Fault!;
        fault.Code.ShouldBe("master_key_malformed");
        fault.Message.ShouldContain("CREW_MASTER_KEY");
        if (text.Length > 0)
        {
            fault.ToString().ShouldNotContain(text);
        }
    }

    [Fact]
    public void A_new_key_file_is_private_and_reads_back()
    {
        var path = MasterKey.DefaultFileOf(Path.Combine(_folder, "data") + Path.DirectorySeparatorChar);
        path.ShouldBe(Path.Combine(_folder, "data.key"));
        using var made = MasterKey.CreateFile(path).Value;
        File.GetUnixFileMode(path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        MasterKey.IsPrivate(path).ShouldBeTrue();
        MasterKey.ReadFile(path).Value.Reveal().Reveal().ShouldBe(made.Reveal().Reveal());
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        MasterKey.IsPrivate(path).ShouldBeFalse();
    }

    [Fact]
    public void An_existing_file_is_never_overwritten()
    {
        var path = Path.Combine(_folder, "data.key");
        File.WriteAllText(path, "precious");
        MasterKey.CreateFile(path).Fault!.Code.ShouldBe("key_file_exists");
        File.ReadAllText(path).ShouldBe("precious");
        MasterKey.ReadFile(path).Fault!.Code.ShouldBe("master_key_malformed");
    }

    [Fact]
    public void Missing_and_unreachable_files_are_refused_by_name()
    {
        MasterKey.ReadFile(Path.Combine(_folder, "none")).Fault!.Code.ShouldBe("master_key_missing");
        MasterKey.ReadFile(_folder).Fault!.Code.ShouldBe("master_key_unreadable");
        MasterKey.CreateFile(Path.Combine(_folder, "no", "folder")).Fault!.Code.ShouldBe("master_key_unreadable");
    }

    [Fact]
    public void The_environment_wins_over_the_file_and_the_file_over_the_default()
    {
        using var text = MasterKey.Generate();
        using var file = MasterKey.CreateFile(Path.Combine(_folder, "named.key")).Value;
        using var fallback = MasterKey.CreateFile(Path.Combine(_folder, "data.key")).Value;
        string Loaded(string? key, string? path, string? last) => MasterKey.Load(key, path, last).Value.Reveal().Reveal();
        var (named, standard) = (Path.Combine(_folder, "named.key"), Path.Combine(_folder, "data.key"));
        Loaded(text.Reveal().Reveal(), named, standard).ShouldBe(text.Reveal().Reveal());
        Loaded(" ", named, standard).ShouldBe(file.Reveal().Reveal());
        Loaded(null, null, standard).ShouldBe(fallback.Reveal().Reveal());
        MasterKey.Load(null, null, null).Fault!.Code.ShouldBe("master_key_missing");
    }

    [Fact]
    public void It_refuses_to_print()
    {
        using var master = MasterKey.Generate();
        master.ToString().ShouldBe("(master key)");
    }
}
