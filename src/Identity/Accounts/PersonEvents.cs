using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Contracts;

namespace Crew.Identity.Accounts;

/// <summary>What a person does about themselves is told to every workspace that they belong to.</summary>
internal static class PersonEvents
{
    public static void Raise(Db db, Person? person, Event happened)
    {
        if (person is null || person.Places.Count == 0)
        {
            db.Raise(happened with { Log = EventLog.Installation });
            return;
        }

        foreach (var place in person.Places)
        {
            db.Raise(happened with { Tenant = place });
        }
    }

    /// <summary>The person as the author of what they do.</summary>
    public static Actor ActorOf(Person person) => new("user", person.Id) { Email = person.Email };
}
