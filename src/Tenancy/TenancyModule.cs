using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy.Contracts;
using Crew.Tenancy.Crews;
using Crew.Tenancy.Members;
using Crew.Tenancy.Organizations;
using Crew.Tenancy.Workspaces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Crew.Tenancy;

/// <summary>Organizations, workspaces, crews, the people in them, roles and plans.</summary>
public static class TenancyModule
{
    public static StoragePart Part { get; } = new TenancyPart();

    public static IServiceCollection AddTenancy(this IServiceCollection services)
    {
        services.AddSingleton<WorkspaceDirectory>();
        services.AddSingleton<IWorkspaceDirectory>(s => s.GetRequiredService<WorkspaceDirectory>());
        services.AddSingleton<Provisioner>();
        services.AddSingleton(s => new PeopleRegister(new Lazy<StoredKeys>(s.GetRequiredService<StoredKeys>), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new PeopleDirectory(s.GetRequiredService<Store>(), new Lazy<StoredKeys>(s.GetRequiredService<StoredKeys>)));
        services.AddSingleton<IWorkspaceOwners, WorkspaceOwners>();
        services.AddSingleton<IPrincipalSource, PersonPrincipals>();
        return services;
    }

    public static void MapTenancy(this IEndpointRouteBuilder app)
    {
        WhoAmI.Map(app);
        var workspaces = app.MapGroup("/v1/workspaces").WithTags("Workspaces");
        CreateWorkspace.Map(workspaces);
        ListWorkspaces.Map(workspaces);
        ReadWorkspace.Map(workspaces);
        UpdateWorkspace.Map(workspaces);
        SuspendWorkspace.Map(workspaces);
        var crews = app.MapGroup("/v1/crews").WithTags("Crews");
        CreateCrew.Map(crews);
        ReadCrews.Map(crews);
        UpdateCrew.Map(crews);
        var members = app.MapGroup("/v1/members").WithTags("Members");
        MemberRoutes.Map(members);
    }

    private sealed class TenancyPart : StoragePart
    {
        public override string Name => "tenancy";

        public override void Map(ModelBuilder model)
        {
            Organization.Map(model);
            Workspace.Map(model);
            WorkspaceCrew.Map(model);
            User.Map(model);
            Membership.Map(model);
        }
    }
}
