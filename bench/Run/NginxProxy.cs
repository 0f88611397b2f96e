using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Crew.Bench.Measure;

namespace Crew.Bench.Run;

/// <summary>nginx as a plain proxy before the mock provider, with a configuration and a folder of its own.</summary>
internal sealed class NginxProxy : IDisposable
{
    private const string Executable = "/usr/sbin/nginx";

    private readonly Process _process;
    private readonly string _folder;

    private NginxProxy(Process process, string folder, Uri url)
    {
        _process = process;
        _folder = folder;
        Url = url;
    }

    public static bool IsInstalled => File.Exists(Executable);

    public Uri Url { get; }

    /// <summary>The master and its workers.</summary>
    public IReadOnlyList<int> ProcessIds => ProcessUse.Family(_process.Id);

    public static async Task<NginxProxy> StartAsync(Uri upstream)
    {
        var folder = Directory.CreateTempSubdirectory("crew-nginx-").FullName;
        var port = FreePort();
        var configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(configuration, Configuration(folder, port, upstream));
        var start = new ProcessStartInfo(Executable)
        {
            ArgumentList = { "-p", folder, "-c", configuration, "-e", Path.Combine(folder, "error.log") },
        };
        var proxy = new NginxProxy(Process.Start(start)!, folder, new Uri($"http://127.0.0.1:{port}"));
        for (var attempt = 0; attempt < 200; attempt++)
        {
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return proxy;
            }
            catch (SocketException)
            {
                await Task.Delay(25);
            }
        }

        proxy.Dispose();
        throw new TimeoutException("nginx did not listen.");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            // The workers notice the end of their master's channel only on SIGQUIT or SIGTERM, so end the whole family.
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Configuration(string folder, int port, Uri upstream) => $$"""
        daemon off;
        {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
        worker_processes {{Environment.ProcessorCount}};
        pid {{folder}}/nginx.pid;
        error_log {{folder}}/error.log error;
        events { worker_connections 4096; }
        http {
          access_log off;
          client_body_temp_path {{folder}}/body;
          proxy_temp_path {{folder}}/proxy;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          client_max_body_size 32m;
          client_body_buffer_size 1m;
          keepalive_requests 1000000000;
          upstream provider { server {{upstream.Authority}}; keepalive 512; keepalive_requests 1000000000; }
          server {
            listen 127.0.0.1:{{port}} reuseport backlog=4096;
            location / {
              proxy_pass http://provider;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_buffering off;
              proxy_request_buffering off;
            }
          }
        }
        """;
}
