namespace Crew.Kernel;

/// <summary>A set of permissions as bits, so that a check on the hot path is one AND. The default value is the empty set.</summary>
public readonly record struct PermissionSet
{
    private readonly UInt128 _bits;

    private PermissionSet(UInt128 bits) => _bits = bits;

    public static readonly PermissionSet None;

    public bool IsEmpty => _bits == UInt128.Zero;

    public bool Has(Permission permission) => (_bits & (UInt128.One << permission.Index)) != UInt128.Zero;

    public PermissionSet With(Permission permission) => new(_bits | (UInt128.One << permission.Index));

    public PermissionSet Union(PermissionSet other) => new(_bits | other._bits);

    public PermissionSet Intersect(PermissionSet other) => new(_bits & other._bits);

    public PermissionSet Except(PermissionSet other) => new(_bits & ~other._bits);

    /// <summary>Whether every permission of this set is in <paramref name="other"/>: the test behind "no escalation".</summary>
    public bool IsWithin(PermissionSet other) => (_bits & ~other._bits) == UInt128.Zero;

    /// <summary>
    /// Reads names and wildcards (<c>*</c>, <c>*:read</c>, <c>*:write</c>). On an unknown name the set is unusable and
    /// <paramref name="unknown"/> says which. Contained rights are added: <c>calls:write</c> brings <c>calls:place</c>.
    /// </summary>
    public static bool TryParse(IEnumerable<string> names, out PermissionSet set, out string? unknown)
    {
        set = None;
        unknown = null;
        foreach (var name in names)
        {
            switch (name)
            {
                case "*":
                    set = set.Union(Permissions.All);
                    break;
                case "*:read":
                    set = set.Union(Permissions.AllRead);
                    break;
                case "*:write":
                    set = set.Union(Permissions.AllWrite);
                    break;
                case not null when Permissions.TryFind(name, out var permission):
                    set = set.With(permission);
                    break;
                default:
                    unknown = name ?? "null";
                    return false;
            }

            if (name == "calls:write")
            {
                set = set.With(Permissions.Of("calls:place"));
            }
        }

        return true;
    }

    public static PermissionSet Of(params IEnumerable<string> names) =>
        TryParse(names, out var set, out var unknown) ? set : throw new ArgumentException($"Unknown permission {unknown}", nameof(names));

    /// <summary>The names in catalogue order.</summary>
    public IReadOnlyList<string> ToNames()
    {
        var names = new List<string>();
        for (var index = 0; index < Permissions.Names.Count; index++)
        {
            if ((_bits >> index & UInt128.One) == UInt128.One)
            {
                names.Add(Permissions.Names[index]);
            }
        }

        return names;
    }

    public override string ToString() => string.Join(' ', ToNames());
}
