use super::*;

const HEADING: &str =
    "reference,payer,payer_name,due_on,description,fund,quantity,unit_price,currency,tax_rate";

fn all(bytes: &[u8], format: BillRunFormat) -> Result<Vec<StagedLine>, Error> {
    let mut lines = Vec::new();
    read(bytes, format, |line| {
        lines.push(line.staged);
        true
    })?;
    Ok(lines)
}

fn failure(bytes: &[u8], format: BillRunFormat) -> BillRunFailure {
    match all(bytes, format) {
        Err(Error::File(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn bill(line: &StagedLine) -> &CreateBillRequest {
    assert_eq!(line.faults, []);
    line.bill.as_ref().unwrap()
}

#[test]
fn csv_is_read_with_quotes_in_any_order_of_columns_and_with_a_mark() {
    let text = format!(
        "\u{feff}{HEADING}\r\n2035/1,ada,\"Lovelace, Ada\",2035-01-31,\"Dog\nlicence\",dogs,2,12.50,EUR,19\r\n"
    );
    let lines = all(text.as_bytes(), BillRunFormat::Csv).unwrap();
    let bill = bill(&lines[0]);
    assert_eq!((bill.reference.as_str(), bill.payer_name.as_str()), ("2035/1", "Lovelace, Ada"));
    assert_eq!(bill.lines[0].description, "Dog\nlicence");
    assert_eq!(bill.lines[0].unit_price.as_ref().unwrap().minor_units, 1_250);
    assert_eq!((bill.lines[0].quantity, bill.lines[0].tax_rate_bp), (2, 1_900));
    assert_eq!(lines.len(), 1);

    let turned = "currency,reference,payer,payer_name,due_on,description,fund,quantity,unit_price,tax_rate\nEUR,a,ada,Ada,2035-01-31,x,f,1,1,\n";
    assert_eq!(all(turned.as_bytes(), BillRunFormat::Csv).unwrap().len(), 1);
}

#[test]
fn json_lines_are_read_each_by_itself() {
    let line = r#"{"reference":"2035/1","payer":"ada","payer_name":"Ada","due_on":"2035-01-31","currency":"JPY",
        "lines":[{"description":"Dog","fund":"dogs","quantity":2,"unit_price":"1200"},{"description":"Cat","fund":"cats","quantity":"1","unit_price":"5","tax_rate":"7"}]}"#
        .replace('\n', "");
    let text = format!("{line}\n{{\"reference\":1}}\n\n{line}\n\n");
    let lines = all(text.as_bytes(), BillRunFormat::JsonLines).unwrap();
    assert_eq!(lines.len(), 4, "the empty line in the midst is no bill, the last is no line");
    assert_eq!(bill(&lines[0]).lines[1].tax_rate_bp, 700);
    assert_eq!(bill(&lines[0]).lines[0].unit_price.as_ref().unwrap().minor_units, 1_200);
    for wrong in &lines[1..3] {
        assert_eq!(wrong.faults[0].field, "line");
    }
}

#[test]
fn what_cannot_be_read_of_a_line_is_told_by_its_field_and_never_quoted() {
    let text = format!("{HEADING}\n2035/1,ada,Ada,2035-01-31,Dog,dogs,two,\"12,50\",EUR,x\nshort,line\n");
    let lines = all(text.as_bytes(), BillRunFormat::Csv).unwrap();
    let fields: Vec<_> = lines[0].faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["quantity", "unit_price", "tax_rate"]);
    assert!(lines[0].faults.iter().all(|fault| !fault.rule.contains("12,50")));
    assert_eq!(lines[1].faults[0].rule, "must have 10 columns");
}

#[test]
fn a_file_that_is_another_says_what_it_is_not() {
    use BillRunFormat::{Csv, JsonLines};
    assert_eq!(failure(b"", Csv), BillRunFailure::Empty);
    assert_eq!(failure(b"reference,payer\na,b\n", Csv), BillRunFailure::Columns);
    assert_eq!(failure(format!("{HEADING},more\n").as_bytes(), Csv), BillRunFailure::Columns);
    let twice = HEADING.replace("tax_rate", "payer");
    assert_eq!(failure(twice.as_bytes(), Csv), BillRunFailure::Columns);
    let latin = [HEADING.as_bytes(), b"\na,ada,Andr\xe9,2035-01-31,x,f,1,1,EUR,\n"].concat();
    assert_eq!(failure(&latin, Csv), BillRunFailure::Encoding);
    assert_eq!(failure(b"{\"payer_name\":\"Andr\xe9\"}\n", JsonLines), BillRunFailure::Encoding);
    let long = "x".repeat(MOST_BYTES + 1);
    assert_eq!(failure(long.as_bytes(), JsonLines), BillRunFailure::TooLarge);
    let long = format!("{HEADING}\n{long}\n");
    assert_eq!(failure(long.as_bytes(), Csv), BillRunFailure::TooLarge);
    assert_eq!(all(b"", JsonLines).unwrap().len(), 0);
}

#[test]
fn reading_ends_after_more_lines_than_a_run_may_have_and_when_nobody_takes_them() {
    let endless = "{}\n".repeat(200_000);
    assert_eq!(all(endless.as_bytes(), BillRunFormat::JsonLines).unwrap().len(), MOST_LINES);
    let mut taken = 0;
    read(endless.as_bytes(), BillRunFormat::JsonLines, |_| {
        taken += 1;
        taken < 3
    })
    .unwrap();
    assert_eq!(taken, 3);
}

#[test]
fn who_may_never_have_signed_in_can_be_reached_and_nobody_else_is() {
    let text = format!(
        "email,{HEADING},locale\n{}",
        [
            "ada@example.org,a,person:tax-1,Ada,2035-01-31,x,f,1,1,EUR,,de-AT",
            ",b,person:tax-2,Ben,2035-01-31,x,f,1,1,EUR,,",
            "cleo@example.org,c,cleo,Cleo,2035-01-31,x,f,1,1,EUR,,",
            "no address,d,person:tax-4,Dan,2035-01-31,x,f,1,1,EUR,,e_n",
        ]
        .join("\n")
    );
    let mut lines = Vec::new();
    read(text.as_bytes(), BillRunFormat::Csv, |line| {
        lines.push(line);
        true
    })
    .unwrap();
    let contact = lines[0].contact.as_ref().unwrap();
    let said = (contact.person.as_str(), contact.email.as_str(), contact.locale.as_str());
    assert_eq!(said, ("person:tax-1", "ada@example.org", "de-AT"));
    assert_eq!((&lines[1].contact, lines[1].staged.faults.len()), (&None, 0));
    let fields =
        |line: &Line| -> Vec<_> { line.staged.faults.iter().map(|fault| fault.field.clone()).collect() };
    assert_eq!(
        (fields(&lines[2]), fields(&lines[3])),
        (vec!["email".to_owned()], vec!["email".into(), "locale".into()])
    );

    let json =
        r#"{"reference":"a","payer":"person:tax-1","payer_name":"Ada","due_on":"2035-01-31","currency":"EUR",
        "lines":[],"email":"ada@example.org"}"#
            .replace('\n', "");
    read(json.as_bytes(), BillRunFormat::JsonLines, |line| {
        assert_eq!(line.contact.unwrap().email, "ada@example.org");
        true
    })
    .unwrap();
}
