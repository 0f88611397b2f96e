using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Crew.Identity.Passkeys;

/// <summary>
/// What a browser is asked for, and what its answer is worth: the framework's ceremonies (WebAuthn Level 3 sections 7.1 and 7.2), for the host and the
/// origin of <c>CREW_PUBLIC_URL</c> and no other, with the person verified by their device. Attestation is not asked for, and not believed.
/// </summary>
internal sealed class PasskeyVerifier(IdentityOptions options)
{
    /// <summary>Characters of an answer: a credential id has at most 1,023 bytes, and a statement of attestation a few certificates.</summary>
    public const int MostAnswerCharacters = 32 * 1_024;

    /// <summary>How long a browser waits for its person.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly IOptions<IdentityPasskeyOptions> _rules = Options.Create(new IdentityPasskeyOptions
    {
        ServerDomain = options.PublicUrl.Host,
        AuthenticatorTimeout = Patience,
        ChallengeSize = 32,
        UserVerificationRequirement = "required",
        ResidentKeyRequirement = "required",
        AttestationConveyancePreference = "none",
        ValidateOrigin = shown => ValueTask.FromResult(
            shown is { CrossOrigin: false, TopOrigin: null or "" } && shown.Origin == options.PublicUrl.GetLeftPart(UriPartial.Authority)),
    });

    /// <summary>Passkeys belong to a host name; browsers make none for an address (WebAuthn Level 3 section 5.1.2).</summary>
    public bool IsAvailable { get; } = options.PublicUrl.HostNameType == UriHostNameType.Dns;

    /// <summary>Asks for a new passkey of a person; those that they have are left out.</summary>
    public async Task<(JsonElement Options, string State)> AskNewAsync(HttpContext http, PasskeyHolder holder, string? displayName)
    {
        var person = new PasskeyUserEntity { Id = holder.UserId, Name = holder.Name, DisplayName = displayName ?? holder.Name };
        var asked = await Handler(holder).MakeCreationOptionsAsync(person, http);
        return (Parse(asked.CreationOptionsJson), asked.AttestationState!);
    }

    /// <summary>Asks for a passkey: one of a person's, or whichever the browser offers.</summary>
    public async Task<(JsonElement Options, string State)> AskAsync(HttpContext http, PasskeyHolder? holder)
    {
        var asked = await Handler(holder).MakeRequestOptionsAsync(holder, http);
        return (Parse(asked.RequestOptionsJson), asked.AssertionState!);
    }

    /// <summary>The new passkey, or null when the answer is not one to this challenge.</summary>
    public async Task<UserPasskeyInfo?> JudgeNewAsync(HttpContext http, PasskeyHolder holder, Challenge challenge, string answer)
    {
        var judged = await Handler(holder).PerformAttestationAsync(
            new PasskeyAttestationContext { HttpContext = http, CredentialJson = answer, AttestationState = challenge.State });
        return judged.Succeeded && judged.UserEntity.Id == holder.UserId ? judged.Passkey : null;
    }

    /// <summary>The passkey as it is after its use, with the count that it told; null when the answer is not one of this holder to this challenge.</summary>
    public async Task<UserPasskeyInfo?> JudgeAsync(HttpContext http, PasskeyHolder holder, Challenge challenge, string answer)
    {
        var judged = await Handler(holder).PerformAssertionAsync(
            new PasskeyAssertionContext { HttpContext = http, CredentialJson = answer, AssertionState = challenge.State });
        return judged.Succeeded && judged.User.UserId == holder.UserId ? judged.Passkey : null;
    }

    /// <summary>The id of the credential that an answer is from, as it is kept; null where there is none.</summary>
    public static string? CredentialIdOf(string answer)
    {
        try
        {
            using var read = JsonDocument.Parse(answer);
            return read.RootElement.ValueKind == JsonValueKind.Object && read.RootElement.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String
                ? id.GetString()!.TrimEnd('=')
                : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private PasskeyHandler<PasskeyHolder> Handler(PasskeyHolder? holder) => new(
        new UserManager<PasskeyHolder>(new HeldPasskeys(holder), Options.Create(new Microsoft.AspNetCore.Identity.IdentityOptions()), null!, [], [], null!, null!, null!,
            NullLogger<UserManager<PasskeyHolder>>.Instance),
        _rules);

    private static JsonElement Parse(string json)
    {
        using var read = JsonDocument.Parse(json);
        return read.RootElement.Clone();
    }
}
