using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Crew.Host.Tests;

/// <summary>
/// The opening of a TLS handshake, written byte by byte: the libraries of this machine may refuse to offer an old version, and then
/// their refusal would look like the server's.
/// </summary>
internal static class ClientHello
{
    public const byte Alert = 21;
    public const byte Handshake = 22;
    public const byte ProtocolVersion = 70;

    /// <summary>Offers one version (0x0301 is TLS 1.0) with suites that exist in all of them, and reads the first record of the answer.</summary>
    public static async Task<byte[]> OfferAsync(int port, ushort version)
    {
        byte[] suites = [0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x09, 0xC0, 0x13, 0xC0, 0x0A, 0xC0, 0x14, 0x00, 0x2F];
        byte[] extensions =
        [
            0, 10, 0, 6, 0, 4, 0, 23, 0, 24, // supported_groups: P-256, P-384
            0, 11, 0, 2, 1, 0, // ec_point_formats: uncompressed
            0, 13, 0, 8, 0, 6, 4, 3, 4, 1, 2, 3, // signature_algorithms, which TLS 1.2 asks for and older versions pass over
            0xFF, 0x01, 0, 1, 0, // renegotiation_info
        ];
        byte[] body =
        [
            .. Two(version), .. new byte[32], 0, .. Two((ushort)suites.Length), .. suites, 1, 0, .. Two((ushort)extensions.Length), .. extensions,
        ];
        byte[] hello = [1, 0, .. Two((ushort)body.Length), .. body];
        return await SendAsync(port, [Handshake, 3, 1, .. Two((ushort)hello.Length), .. hello]);
    }

    /// <summary>What comes back until the other side closes, or at least the first record.</summary>
    public static async Task<byte[]> SendAsync(int port, byte[] opening)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var stream = socket.GetStream();
        await stream.WriteAsync(opening);
        var answer = new byte[4_096];
        try
        {
            return answer[..await stream.ReadAtLeastAsync(answer, 7, throwOnEndOfStream: false)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static byte[] Two(ushort number)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, number);
        return bytes;
    }
}
