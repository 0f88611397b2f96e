using System.Security.Cryptography;

namespace Crew.Sealing.Tests;

public sealed class ChunkedCipherTests
{
    private const int Chunk = ChunkedCipher.ChunkBytes;
    private const int SealedChunk = Chunk + 16;
    private static readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private static readonly byte[] _place = [1, 2, 3];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunk - 1)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData((3 * Chunk) + 5)]
    [InlineData(4 * Chunk)]
    public async Task A_file_of_any_length_comes_back(int length)
    {
        var plain = RandomNumberGenerator.GetBytes(length);
        var file = await Encrypt(plain);
        file.LongLength.ShouldBe(ChunkedCipher.SealedLength(length));
        (await Decrypt(file)).ShouldBe(plain);
        ReadSync(file).ShouldBe(plain);
        ChunkedCipher.TryReadKeyVersion(file, out var version).ShouldBeTrue();
        version.ShouldBe(3);
    }

    [Fact]
    public async Task Writing_in_odd_pieces_and_synchronously_gives_the_same_file_content()
    {
        var plain = RandomNumberGenerator.GetBytes((2 * Chunk) + 777);
        using var target = new MemoryStream();
        await using (var encrypting = new EncryptingStream(target, _key, 3, _place, leaveOpen: true))
        {
            for (var at = 0; at < plain.Length; at += 1009)
            {
                encrypting.Write(plain, at, Math.Min(1009, plain.Length - at));
            }

            await encrypting.CompleteAsync(CancellationToken.None);
            Should.Throw<ObjectDisposedException>(() => encrypting.WriteByte(1));
        }

        (await Decrypt(target.ToArray())).ShouldBe(plain);
    }

    [Fact]
    public async Task Every_truncation_of_a_small_file_is_noticed()
    {
        var file = await Encrypt(new byte[40]);
        for (var length = 0; length < file.Length; length++)
        {
            (await Decrypt(file[..length])).ShouldBeNull($"length {length}");
        }
    }

    [Fact]
    public async Task Every_changed_byte_of_a_small_file_is_noticed()
    {
        var file = await Encrypt(new byte[40]);
        for (var at = 0; at < file.Length; at++)
        {
            var changed = file.ToArray();
            changed[at] ^= 0x20;
            (await Decrypt(changed)).ShouldBeNull($"byte {at}");
        }
    }

    [Fact]
    public async Task Cutting_at_a_chunk_border_is_noticed()
    {
        var file = await Encrypt(RandomNumberGenerator.GetBytes(3 * Chunk));
        for (var chunks = 0; chunks < 3; chunks++)
        {
            (await Decrypt(file[..(ChunkedCipher.HeaderBytes + (chunks * SealedChunk))])).ShouldBeNull($"{chunks} chunks");
        }
    }

    [Fact]
    public async Task Reordered_dropped_repeated_and_appended_chunks_are_noticed()
    {
        var file = await Encrypt(RandomNumberGenerator.GetBytes((2 * Chunk) + 100));
        var header = file[..ChunkedCipher.HeaderBytes];
        var first = file[header.Length..(header.Length + SealedChunk)];
        var second = file[(header.Length + SealedChunk)..(header.Length + (2 * SealedChunk))];
        var last = file[(header.Length + (2 * SealedChunk))..];
        (await Decrypt([.. header, .. first, .. second, .. last])).ShouldNotBeNull();
        (await Decrypt([.. header, .. second, .. first, .. last])).ShouldBeNull();
        (await Decrypt([.. header, .. first, .. last])).ShouldBeNull();
        (await Decrypt([.. header, .. first, .. first, .. second, .. last])).ShouldBeNull();
        (await Decrypt([.. file, 0])).ShouldBeNull();
        (await Decrypt([.. file, .. last])).ShouldBeNull();
        (await Decrypt([.. file, .. new byte[SealedChunk]])).ShouldBeNull();
    }

    [Fact]
    public async Task Chunks_of_another_file_under_the_same_key_do_not_fit()
    {
        var one = await Encrypt(new byte[10]);
        var other = await Encrypt(new byte[10]);
        (await Decrypt([.. one[..ChunkedCipher.HeaderBytes], .. other[ChunkedCipher.HeaderBytes..]])).ShouldBeNull();
    }

    [Fact]
    public async Task A_wrong_key_and_other_associated_data_are_refused_as_a_value()
    {
        var file = await Encrypt(new byte[10]);
        using var source = new MemoryStream(file);
        var outcome = await ChunkedCipher.DecryptAsync(source, Stream.Null, new byte[32], _place, CancellationToken.None);
        outcome.Fault!.Code.ShouldBe("file_damaged");
        using var again = new MemoryStream(file);
        outcome = await ChunkedCipher.DecryptAsync(again, Stream.Null, _key, new byte[3], CancellationToken.None);
        outcome.Fault!.Code.ShouldBe("file_damaged");
    }

    [Fact]
    public async Task A_file_that_was_not_completed_does_not_open()
    {
        using var target = new MemoryStream();
        await using (var encrypting = new EncryptingStream(target, _key, 3, _place, leaveOpen: true))
        {
            await encrypting.WriteAsync(new byte[(2 * Chunk) + 1], CancellationToken.None);
        }

        (await Decrypt(target.ToArray())).ShouldBeNull();
    }

    [Fact]
    public async Task The_key_is_chosen_by_the_version_in_the_header()
    {
        var file = await Encrypt([1, 2, 3]);
        using var source = new MemoryStream(file);
        await using var decrypting = new DecryptingStream(source, version => version == 3 ? _key : null, _place);
        decrypting.ReadByte().ShouldBe(1);
        using var unknown = new MemoryStream(file);
        await using var refused = new DecryptingStream(unknown, _ => null, _place);
        Should.Throw<DamagedFileException>(() => refused.ReadByte());
        Should.Throw<DamagedFileException>(() => refused.ReadByte());
    }

    private static async Task<byte[]> Encrypt(byte[] plain)
    {
        using var source = new MemoryStream(plain);
        using var target = new MemoryStream();
        (await ChunkedCipher.EncryptAsync(source, target, _key, 3, _place, CancellationToken.None)).ShouldBe(plain.Length);
        return target.ToArray();
    }

    private static async Task<byte[]?> Decrypt(byte[] file)
    {
        using var source = new TricklingStream(file);
        using var target = new MemoryStream();
        var outcome = await ChunkedCipher.DecryptAsync(source, target, _key, _place, CancellationToken.None);
        return outcome.Failed(out _) ? null : target.ToArray();
    }

    private static byte[] ReadSync(byte[] file)
    {
        using var decrypting = new DecryptingStream(new MemoryStream(file), _key, _place);
        using var target = new MemoryStream();
        decrypting.CopyTo(target);
        return target.ToArray();
    }

    /// <summary>Gives at most 4,096 bytes a read, as a socket does.</summary>
    private sealed class TricklingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 4096)], cancellationToken);
    }
}
