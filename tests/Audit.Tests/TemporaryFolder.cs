namespace Crew.Audit.Tests;

internal static class TemporaryFolder
{
    /// <summary>A checkpoint that is just ending may still hold a file for a moment.</summary>
    public static void Remove(string folder)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                Directory.Delete(folder, true);
                return;
            }
            catch (IOException) when (attempt < 20)
            {
                Thread.Sleep(25);
            }
        }
    }
}
