using Crew.Identity.Accounts;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Contracts;

/// <summary>
/// Links that the command line prints: whoever runs the machine lets a person in, the first time or again. Good once, for a few days; of the
/// link itself nothing is kept.
/// </summary>
public sealed class SignInLinks
{
    private readonly Store _store;
    private readonly Tickets _tickets;
    private readonly PeopleRegister _register;
    private readonly IdentityOptions _options;

    internal SignInLinks(Store store, Tickets tickets, PeopleRegister register, IdentityOptions options) =>
        (_store, _tickets, _register, _options) = (store, tickets, register, options);

    /// <summary>Makes a link for the person with an address, and ends the one before. <c>not_found</c> when nobody has the address.</summary>
    public Task<Outcome<SecretText>> CreateAsync(string email, Origin origin, CancellationToken cancel) =>
        _store.ChangeAsync<SecretText>(SystemJob.People, origin, async db =>
        {
            if (await _register.FindIdAsync(db, email) is not { } userId)
            {
                return Faults.NotFound;
            }

            await _tickets.EndAsync(db, TicketKind.FirstSignIn, userId);
            var text = _tickets.Add(db, TicketKind.FirstSignIn, userId, TimeSpan.FromDays(_options.LinkDays));
            db.Raise(new Event("operator.sign_in_link.created", new Resource("user", userId)) { Log = EventLog.Installation });
            return new SecretText(_options.Link($"/welcome/{text.Reveal()}"));
        }, cancel);
}
