"""Names that columns of a file have in Spanish and English offices, by the field they mean.

They are compared without case, accents, punctuation and words such as *de*, and with abbreviations
written out. A name may mean several fields of an endpoint; it then depends on the other columns
which one it is.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from p4books.endpoints.definition import FieldType

ColumnNames = Mapping[str, tuple[str, ...]]

_ANY: ColumnNames = {
    "code": ("código", "cód"),
    "currency": ("moneda", "divisa"),
    "status": ("estado", "estatus"),
    "balance": ("saldo",),
    "description": ("descripción", "desc.", "detalle", "concepto"),
    "price": (
        *("precio", "precio unitario", "precio unit.", "p. unitario", "P.U.", "precio de venta"),
        *("p. unit.", "unit price", "sales price"),
    ),
}
_PARTY: ColumnNames = {
    "name": ("nombre", "razón social", "nombre o razón social"),
    "email": ("correo", "correo electrónico", "e-mail", "mail", "email address"),
    "phone": ("teléfono", "tel", "celular", "móvil", "phone number", "telephone", "mobile"),
    "tax_id": (
        *("RUC", "cédula", "cédula o RUC", "RUC o cédula", "número de RUC"),
        *("RUC y DV", "RUC and DV", "identificación fiscal", "tax number"),
    ),
    "payment_terms": (
        *("condiciones de pago", "condición de pago", "términos de pago", "término de pago"),
        *("términos", "plazo de pago", "terms", "payment term"),
    ),
}
_DOCUMENT: ColumnNames = {
    "code": (
        *("código", "cód", "número", "núm", "no.", "n°", "documento", "número de documento"),
        *("no. de documento", "consecutivo", "folio", "number", "document number"),
    ),
    "document_date": (
        *("fecha", "fecha de emisión", "fecha de documento", "fecha doc", "emisión"),
        *("fecha de factura", "fecha de orden", "date", "issue date", "invoice date", "order date"),
    ),
    "tax_total": (
        "impuesto",
        "impuestos",
        "total de impuestos",
        "monto de impuesto",
        "ITBMS",
        "tax",
    ),
    "total": ("monto total", "importe total", "total a pagar", "gran total", "importe", "amount"),
    "line_number": ("línea", "renglón", "número de línea", "no. de línea", "line", "line no"),
    "product": ("producto", "artículo", "ítem", "item"),
    "product_code": (
        *("código", "cód", "código de producto", "cód. producto", "código de artículo"),
        *("código de ítem", "SKU", "item code"),
    ),
    "quantity": ("cantidad", "cant", "ctd", "qty"),
    "discount": ("descuento", "desc.", "dcto", "dto"),
    "line_tax_code": ("impuesto", "código de impuesto", "tipo de impuesto", "tax"),
    "line_subtotal": (
        *("subtotal de línea", "total de línea", "importe de línea", "importe", "line total"),
        "amount",
    ),
    "warehouse_id": ("bodega", "id. de bodega", "almacén", "depósito", "warehouse"),
}
_BY_ENDPOINT: Mapping[str, ColumnNames] = {
    "products": {
        "code": (
            *("código de producto", "código de artículo", "SKU", "producto", "artículo", "ítem"),
            *("product", "item", "product code", "item code"),
        ),
        "name": (
            *("nombre", "nombre de producto", "nombre de artículo", "producto", "artículo", "ítem"),
            *("product", "item", "product name", "item name"),
        ),
        "product_type": ("tipo", "tipo de producto", "type"),
        "unit_of_measure": ("unidad", "unidad de medida", "medida", "u/m", "unit", "UOM"),
        "tax_code": ("impuesto", "código de impuesto", "tipo de impuesto", "tax"),
        "product_group_id": ("id. de grupo de productos",),
        "cost": ("costo", "coste", "costo unitario", "precio de costo", "unit cost"),
    },
    "customers": {
        "code": ("código de cliente", "número de cliente", "cliente", "customer", "customer code"),
        "name": ("nombre de cliente", "cliente", "customer", "customer name"),
        "credit_limit": ("límite de crédito", "límite", "cupo de crédito"),
        "tax_code": ("impuesto", "código de impuesto", "tipo de impuesto", "tax"),
        "address_type": ("tipo de dirección",),
        "line1": ("dirección", "dirección 1", "address", "address 1"),
        "line2": ("dirección 2", "address 2"),
        "city": ("ciudad",),
        "state": ("provincia", "province"),
        "postal_code": ("código postal", "apartado postal", "zip", "zip code"),
        "country": ("país",),
    },
    "vendors": {
        "code": (
            *("código de proveedor", "número de proveedor", "proveedor"),
            *("vendor", "supplier", "vendor code", "supplier code"),
        ),
        "name": (
            *("nombre de proveedor", "proveedor"),
            *("vendor", "supplier", "vendor name", "supplier name"),
        ),
    },
    "invoices": {
        "code": (
            *(
                "factura",
                "número de factura",
                "no. de factura",
                "n° de factura",
                "código de factura",
                "factura n.º",
            ),
            *("invoice", "invoice number", "invoice no", "invoice code"),
        ),
        "customer": ("cliente",),
        "customer_id": ("id. de cliente",),
        "customer_code": ("código de cliente", "número de cliente", "no. de cliente"),
        "sales_order_id": ("id. de pedido", "pedido de venta", "orden de venta", "sales order"),
        "due_date": (
            *("vence", "vence el", "vencimiento", "fecha de vencimiento", "fecha vence"),
            *("due", "due on"),
        ),
        "posting_date": ("fecha contable", "fecha de contabilización", "fecha de registro"),
        "total": ("total de factura", "invoice total"),
        "amount_paid": ("pagado", "monto pagado", "abonado", "abono", "paid"),
    },
    "purchase_orders": {
        "code": (
            *("orden", "orden de compra", "número de orden", "no. de orden", "OC", "PO"),
            *("número de orden de compra", "purchase order", "order number", "PO number"),
        ),
        "vendor": ("proveedor", "supplier"),
        "vendor_id": ("id. de proveedor",),
        "vendor_code": ("código de proveedor", "número de proveedor", "supplier code"),
        "expected_date": (
            *("fecha esperada", "fecha de entrega", "entrega", "fecha de llegada"),
            *("delivery date", "expected"),
        ),
        "total": ("total de orden", "order total"),
    },
}
_EXAMPLES: Mapping[str, str] = {
    "code": "A-1001",
    "name": "Abarrotes La Única",
    "email": "compras@launica.com.pa",
    "phone": "6612-3456",
    "tax_id": "8-123-456 DV 91",
    "payment_terms": "Net 30",
    "currency": "USD",
    "tax_code": "ITBMS",
    "customer_id": "C-9001",
    "vendor_id": "V-12",
    "product_id": "PROD-001",
    "description": "Arroz 5 lb",
    "unit_of_measure": "CAJA",
    "product_type": "Inventory",
    "address_type": "Billing",
    "line1": "Vía España, edificio 12",
    "city": "Panamá",
    "country": "PA",
}
_EXAMPLES_OF_TYPE: Mapping[FieldType, str] = {
    FieldType.MONEY: "1234.50",
    FieldType.MEASURE: "10.5",
    FieldType.COUNT: "1",
    FieldType.DAY: "2026-03-31",
    FieldType.INSTANT: "2026-03-31T14:30:00-05:00",
}
_DOCUMENTS = {"invoices", "purchase_orders"}
_UNSTRESSED = {"de", "del", "la", "el", "los", "las", "o", "y", "the", "of"}
_ABBREVIATIONS = {
    "cod": "codigo",
    "fec": "fecha",
    "f": "fecha",
    "no": "numero",
    "n": "numero",
    "num": "numero",
    "cant": "cantidad",
    "ctd": "cantidad",
    "fact": "factura",
    "doc": "documento",
    "venc": "vencimiento",
    "vcto": "vencimiento",
    "vto": "vencimiento",
    "prod": "producto",
}


@cache
def column_names(endpoint: str) -> ColumnNames:
    """Return the names that columns have in offices, by the name of the field in our spelling."""
    groups = (_ANY, _DOCUMENT if endpoint in _DOCUMENTS else _PARTY, _BY_ENDPOINT.get(endpoint, {}))
    names: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for field, more in group.items():
            names[field] = tuple(dict.fromkeys((*names.get(field, ()), *more)))
    return names


@cache
def fields_by_name(endpoint: str) -> Mapping[str, tuple[str, ...]]:
    """Return the fields that a column can mean, by its name in the form it is compared in."""
    fields: dict[str, tuple[str, ...]] = {}
    for field, names in column_names(endpoint).items():
        for name in names:
            key = fold_column(name)
            fields[key] = tuple(dict.fromkeys((*fields.get(key, ()), field)))
    return fields


def example_value(field: str, kind: FieldType) -> str:
    """Return a value that a field can have, as it is written in a file; empty for some texts."""
    return _EXAMPLES.get(field) or _EXAMPLES_OF_TYPE.get(kind, "")


def fold_column(name: str) -> str:
    """Return what all spellings of the name of a column have in common; for comparing only."""
    words = re.sub(r"(?<=[a-záéíóúñ])(?=[A-ZÁÉÍÓÚÑ])", " ", unicodedata.normalize("NFC", name))
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", words) if not unicodedata.combining(char)
    )
    found = re.findall(r"[a-z0-9]+", plain.casefold())
    full = [_ABBREVIATIONS.get(word, word) for word in found] if found != ["f"] else found
    return "".join(word for word in full if word not in _UNSTRESSED)
