namespace Crew.Storage;

/// <summary>The database did not answer or could not be written: the disk is full, the server is gone. Becomes a 503, never a 500.</summary>
public sealed class StorageUnavailableException(string message, Exception? inner) : Exception(message, inner);
