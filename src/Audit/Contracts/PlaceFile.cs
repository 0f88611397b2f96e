using Crew.Audit.Places;
using Crew.Kernel;

namespace Crew.Audit.Contracts;

/// <summary>The operator's file of places (<c>CREW_GEO_FILE</c>): which country an address is in.</summary>
public sealed class PlaceFile
{
    private PlaceFile(MaxMindFile file) => File = file;

    internal MaxMindFile File { get; }

    /// <summary>Opens the file, or says why it is none.</summary>
    public static Outcome<PlaceFile> Open(string path)
    {
        try
        {
            return new PlaceFile(MaxMindFile.Open(path));
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return new Fault("geo_file_unreadable", 500,
                $"The file of places that CREW_GEO_FILE names cannot be used: {error.Message} "
                + "Give the path of a file in the MaxMind DB format, such as GeoLite2-Country.mmdb, or leave the setting out.")
                .At("CREW_GEO_FILE");
        }
    }
}
