using Crew.Mail;

namespace Crew.Audit.Contracts;

/// <summary>Where alerts go, and what tells places apart.</summary>
/// <param name="PublicUrl">The server's own address: the only source of links.</param>
/// <param name="Mail">Where mail is handed over; null for nowhere.</param>
/// <param name="Places">The operator's file of places; null tells them apart by network.</param>
public sealed record AlertOptions(Uri PublicUrl, SmtpSettings? Mail, PlaceFile? Places);
