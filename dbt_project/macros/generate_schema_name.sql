{# The folder's schema as it is written: staging, intermediate, marts, without a prefix per target. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
