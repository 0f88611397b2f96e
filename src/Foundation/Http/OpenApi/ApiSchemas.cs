using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Crew.Kernel;

namespace Crew.Http.OpenApi;

/// <summary>
/// JSON Schema (draft 2020-12) of request and answer types, read from the serialiser's own contract, so that a name, a type or
/// an enum word in the document is the one on the wire. Every object type becomes a component.
/// </summary>
internal sealed class ApiSchemas
{
    public const string MoneyPattern = @"^[0-9]{1,9}(\.[0-9]{1,9})?$";

    private readonly SortedDictionary<string, JsonNode?> _components = new(StringComparer.Ordinal);
    private readonly Dictionary<(Type Type, bool IsInput), string> _names = [];

    /// <summary>The components collected so far, in alphabetical order.</summary>
    public JsonObject ToComponents() => new(_components.Select(c => KeyValuePair.Create(c.Key, c.Value?.DeepClone())));

    /// <summary>The schema of a type; <paramref name="isInput"/> says whether clients send it or receive it.</summary>
    public JsonObject Of(Type type, bool isInput)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            return OrNull(Of(inner, isInput));
        }

        if (Is(type, typeof(Patched<>)))
        {
            var patched = type.GetGenericArguments()[0];
            return OrNull(Of(Nullable.GetUnderlyingType(patched) ?? patched, isInput));
        }

        if (Simple(type) is { } simple)
        {
            return simple;
        }

        var contract = ApiJson.Options.GetTypeInfo(type);
        return contract.Kind switch
        {
            JsonTypeInfoKind.Enumerable => new JsonObject { ["type"] = "array", ["items"] = Of(contract.ElementType!, isInput) },
            JsonTypeInfoKind.Dictionary => new JsonObject { ["type"] = "object", ["additionalProperties"] = Of(contract.ElementType!, isInput) },
            JsonTypeInfoKind.Object => Reference(type, contract, isInput),
            _ => [],
        };
    }

    /// <summary>The answer around a type: <c>success</c> and <c>data</c>, and <c>pagination</c> where it is a list.</summary>
    public JsonObject OfAnswer(Type type)
    {
        var (isOne, isList) = (Is(type, typeof(Envelope<>)), Is(type, typeof(ListEnvelope<>)));
        if (!isOne && !isList)
        {
            return Of(type, isInput: false);
        }

        var data = Of(type.GetGenericArguments()[0], isInput: false);
        var properties = new JsonObject
        {
            ["success"] = new JsonObject { ["type"] = "boolean", ["const"] = true },
            ["data"] = isList ? new JsonObject { ["type"] = "array", ["items"] = data } : data,
        };
        if (isList)
        {
            properties["pagination"] = Of(typeof(Pagination), isInput: false);
        }

        var required = new JsonArray("success", "data");
        if (isList)
        {
            required.Add("pagination");
        }

        return new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = required };
    }

    private static bool Is(Type type, Type generic) => type.IsGenericType && type.GetGenericTypeDefinition() == generic;

    /// <summary>Types that have a converter of ours or no parts.</summary>
    private static JsonObject? Simple(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => new JsonObject
        {
            ["type"] = "string",
            ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => (JsonNode)JsonNamingPolicy.SnakeCaseLower.ConvertName(name))]),
        },
        TypeCode.String => new JsonObject { ["type"] = "string" },
        TypeCode.Boolean => new JsonObject { ["type"] = "boolean" },
        TypeCode.Byte or TypeCode.Int16 or TypeCode.Int32 => new JsonObject { ["type"] = "integer", ["format"] = "int32" },
        TypeCode.Int64 => new JsonObject { ["type"] = "integer", ["format"] = "int64" },
        TypeCode.Double or TypeCode.Single or TypeCode.Decimal => new JsonObject { ["type"] = "number" },
        _ when type == typeof(DateTimeOffset) => new JsonObject { ["type"] = "string", ["format"] = "date-time" },
        _ when type == typeof(DateOnly) => new JsonObject { ["type"] = "string", ["format"] = "date" },
        _ when type == typeof(NanoUsd) => new JsonObject
        {
            ["type"] = "string",
            ["pattern"] = MoneyPattern,
            ["description"] = "US dollars as a decimal string: 0 to 9 decimals in, always 9 out.",
        },
        _ when type == typeof(SecretText) => new JsonObject { ["type"] = "string", ["format"] = "password" },
        _ when type == typeof(byte[]) => new JsonObject { ["type"] = "string", ["contentEncoding"] = "base64" },
        _ when type == typeof(object) || type == typeof(JsonElement) => [],
        _ => null,
    };

    private static JsonObject OrNull(JsonObject schema)
    {
        if (schema["type"] is JsonValue type)
        {
            schema["type"] = new JsonArray(type.GetValue<string>(), "null");
            if (schema["enum"] is JsonArray words)
            {
                words.Add(null);
            }

            return schema;
        }

        return schema.Count == 0 ? schema : new JsonObject { ["oneOf"] = new JsonArray(schema, new JsonObject { ["type"] = "null" }) };
    }

    private JsonObject Reference(Type type, JsonTypeInfo contract, bool isInput)
    {
        if (!_names.TryGetValue((type, isInput), out var name))
        {
            name = NameOf(type, isInput);
            _names.Add((type, isInput), name);
            _components.Add(name, null);
            _components[name] = Object(contract, isInput);
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    /// <summary><c>CreateKey.Request</c> is CreateKeyRequest; a name that is taken gets its module in front.</summary>
    private string NameOf(Type type, bool isInput)
    {
        var own = type.Name.Split('`')[0] + string.Concat(type.GetGenericArguments().Select(a => a.Name));
        var name = type.DeclaringType is { } outer ? outer.Name + own : own;
        if (_names.ContainsKey((type, !isInput)))
        {
            name += isInput ? "Input" : "Output";
        }

        return _components.ContainsKey(name) ? type.Assembly.GetName().Name!.Split('.')[^1] + name : name;
    }

    private JsonObject Object(JsonTypeInfo contract, bool isInput)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        foreach (var property in contract.Properties.Where(p => isInput ? p.Set is not null || p.AssociatedParameter is not null : p.Get is not null))
        {
            var isRequired = isInput && (property.IsRequired || Has<RequiredAttribute>(property.AttributeProvider));
            var schema = Of(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, isInput);
            var isNull = isInput ? property.IsSetNullable && !isRequired : property.IsGetNullable;
            if (isNull || (!isRequired && Nullable.GetUnderlyingType(property.PropertyType) is not null))
            {
                schema = OrNull(schema);
            }

            Describe(schema, property.AttributeProvider);
            properties[property.Name] = schema;
            if (isInput ? isRequired : !IsLeftOut(property.AttributeProvider))
            {
                required.Add(property.Name);
            }
        }

        var result = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0)
        {
            result["required"] = required;
        }

        if (isInput)
        {
            result["additionalProperties"] = false;
        }

        return result;
    }

    private static void Describe(JsonObject schema, ICustomAttributeProvider? member)
    {
        if (First<DescriptionAttribute>(member) is { } described)
        {
            schema["description"] = described.Description;
        }

        if (First<AllowedValuesAttribute>(member) is { } allowed)
        {
            schema["enum"] = new JsonArray([.. allowed.Values.Select(v => JsonSerializer.SerializeToNode(v))]);
        }
    }

    /// <summary>Whether the field is missing from answers where it has no value.</summary>
    private static bool IsLeftOut(ICustomAttributeProvider? member) =>
        First<JsonIgnoreAttribute>(member) is { Condition: JsonIgnoreCondition.WhenWritingNull or JsonIgnoreCondition.WhenWritingDefault };

    private static bool Has<T>(ICustomAttributeProvider? member)
        where T : Attribute => First<T>(member) is not null;

    private static T? First<T>(ICustomAttributeProvider? member)
        where T : Attribute => member?.GetCustomAttributes(typeof(T), inherit: true).OfType<T>().FirstOrDefault();
}
